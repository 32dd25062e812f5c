/**
 * Takes the place of node-llama-cpp's own module in dist/llama-cpp.mjs (esbuild.mjs). It loads a binary in a process of its
 * own first, because some binaries end the process on some machines. That takes a third of a second at each start, so
 * what was loaded once is remembered here.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../platform/files/paths.ts';

/** The path of a binary, that of its extra backends, its kind of GPU, and more that only the test needs. */
type BinaryTest = (
  path: string,
  backends: string | undefined,
  gpu: string | false,
  ...more: unknown[]
) => Promise<boolean>;

/** Whether the binary can be loaded here. One for a GPU is always tested: its driver may have changed. */
export async function testBindingBinary(...test: Parameters<BinaryTest>): Promise<boolean> {
  return testOnce(original, ...test);
}

async function original(...test: Parameters<BinaryTest>): Promise<boolean> {
  // Node-llama-cpp's module, a file of its own because it starts itself.
  const { href } = new URL('./testBindingBinary.mjs', import.meta.url);
  const { testBindingBinary } = (await import(href)) as { testBindingBinary: BinaryTest };
  return testBindingBinary(...test);
}

/** Remembers that `test` passed for this file, on this system and this version of Node. */
export async function testOnce(test: BinaryTest, ...args: Parameters<BinaryTest>): Promise<boolean> {
  const [path, , gpu] = args;
  if (gpu !== false) return test(...args);
  const { size, mtimeMs } = await stat(path);
  const key = [path, size, mtimeMs, cpus()[0]?.model, release(), process.version].join(' ');
  const dir = join(cacheDir(), 'llama-binaries');
  const mark = join(dir, createHash('sha256').update(key).digest('hex').slice(0, 16));
  if (existsSync(mark)) return true;
  const passed = await test(...args);
  // Where nothing can be written, it is tested again.
  if (passed)
    await mkdir(dir, { recursive: true })
      .then(() => writeFile(mark, ''))
      .catch(() => undefined);
  return passed;
}
