import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { corpusCommand } from '../../../src/cli/commands/fine-tune/corpus.ts';
import { noise } from '../../support/planted-secrets.ts';
import { useTemporaryFolder } from '../corpus/help.ts';

const folder = useTemporaryFolder();

it('shows no secret in a sample, not even from an excluded row', async () => {
  folder.write({ 'a.txt': '' });
  const secret = noise(16);
  const rows = [`password = "${secret}"\n`, 'def add(a, b):\n    return a + b\n'];
  const file = join(folder.in(), 'rows.jsonl');
  writeFileSync(file, rows.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await corpusCommand().parseAsync(['--data', file, '--sample', '2'], { from: 'user' });
  const text = printed.mock.calls.join('');
  printed.mockRestore();
  expect(text).toContain('return a + b');
  expect(text).not.toContain(secret);
});
