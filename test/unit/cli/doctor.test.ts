/** Which doctor checks clear the mark of a GPU that ended a server. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { doctorCommand } from '../../../src/cli/commands/set-up/doctor.ts';
import { useTemporaryHome } from '../runs/help.ts';

// Only what happens before the check matters here.
vi.mock('../../../src/cli/doctor.ts', () => ({ examine: () => Promise.reject(new Error('examined')) }));
const home = useTemporaryHome();

it.each([
  [['--look-only'], true],
  [[], false],
  [['--json'], false],
])('doctor %j clears the mark: %s', async (args, kept) => {
  const marks = join(home.path(), 'cache/gpu');
  mkdirSync(marks, { recursive: true });
  await expect(doctorCommand().parseAsync(args, { from: 'user' })).rejects.toThrow('examined');
  expect(existsSync(marks)).toBe(kept);
});
