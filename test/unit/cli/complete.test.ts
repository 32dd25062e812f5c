/** What `complete` asks a model of this machine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { completeCommand } from '../../../src/cli/commands/use/complete.ts';
import type { ModelRequest } from '../../../src/completion/index.ts';
import type { LlamaHost } from '../../../src/serving/host-types.ts';
import { beforeCursor } from '../completion/set-up.ts';
import { answerOf } from '../evaluation/help.ts';
import { useTemporaryHome } from '../runs/help.ts';

const host = vi.hoisted(() => ({
  fillInTheMiddle: true,
  complete: vi.fn<LlamaHost['complete']>(),
  dispose: () => Promise.resolve(),
}));
vi.mock('../../../src/serving/host/llama-host.ts', async (original) => ({
  ...(await original<object>()),
  openLlamaHost: () => Promise.resolve(host),
}));
vi.mock('../../../src/base-models/index.ts', async (original) => ({
  ...(await original<object>()),
  resolveBase: (path: string) => Promise.resolve({ id: 'base', path, sha256: '' }),
}));

const home = useTemporaryHome();

it('includes the line up to the cursor, also where text follows', async () => {
  const file = join(home.path(), 'add.js');
  writeFileSync(file, 'function add(a, b) {\n  retu\n}\n');
  host.complete.mockResolvedValue(answerOf('rn a + b;'));
  const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const args = [`${file}:2:7`, '--base', 'base.gguf', '--adapter', 'own.gguf'];
  await completeCommand().parseAsync(args, { from: 'user' });
  const text = printed.mock.calls.join('');
  printed.mockRestore();
  const asked = host.complete.mock.calls[0]![0] as ModelRequest;
  expect(asked).toMatchObject({ model: 'adapter', prompt: 'function add(a, b) {\n', suffix: '\n}\n' });
  expect(beforeCursor(asked)).toBe('function add(a, b) {\n  retu');
  expect(text).toBe('rn a + b;\n');
});
