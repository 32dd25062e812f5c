import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ggufFilesIn } from '../../../src/base-models/models-on-disk.ts';

it.skipIf(process.platform === 'win32')('leaves out a link that leads nowhere', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fmn-models-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await mkdir(join(dir, 'hub'));
  await writeFile(join(dir, 'hub', 'b.gguf'), 'GGUF');
  await symlink(join(dir, 'gone.gguf'), join(dir, 'a.gguf'));
  expect(await ggufFilesIn(dir)).toEqual([{ path: join(dir, 'hub', 'b.gguf'), bytes: 4 }]);
  expect(await ggufFilesIn(join(dir, 'none'))).toEqual([]);
});
