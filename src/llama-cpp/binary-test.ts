/**
 * Replaces node-llama-cpp's own module in dist/llama-cpp.mjs (see esbuild.mjs). The original first loads a binary in a
 * separate process, because some binaries crash on some machines. That takes a third of a second per start, so this
 * caches the outcome.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../platform/files/paths.ts';

/**
 * Arguments: the path of a binary, that of its extra backends, its kind of GPU, and others that only the test needs.
 */
type BinaryTest = (
  path: string,
  backends: string | undefined,
  gpu: string | false,
  ...more: unknown[]
) => Promise<boolean>;

/** Whether the binary can be loaded here. One for a GPU is always tested, because the driver may have changed. */
export async function testBindingBinary(...test: Parameters<BinaryTest>): Promise<boolean> {
  return testOnce(original, ...test);
}

async function original(...test: Parameters<BinaryTest>): Promise<boolean> {
  // Node-llama-cpp's module is a separate file, because it runs itself as a child process.
  const { href } = new URL('./testBindingBinary.mjs', import.meta.url);
  const { testBindingBinary } = (await import(href)) as { testBindingBinary: BinaryTest };
  return testBindingBinary(...test);
}

/** Caches that `test` passed for this file, system and version of Node. */
export async function testOnce(test: BinaryTest, ...args: Parameters<BinaryTest>): Promise<boolean> {
  const [path, , gpu] = args;
  if (gpu !== false) return test(...args);
  const { size, mtimeMs } = await stat(path);
  const key = [path, size, mtimeMs, cpus()[0]?.model, release(), process.version].join(' ');
  const dir = join(cacheDir(), 'llama-binaries');
  const mark = join(dir, createHash('sha256').update(key).digest('hex').slice(0, 16));
  if (existsSync(mark)) return true;
  const passed = await test(...args);
  // If this can't be written, the binary is tested again next time.
  if (passed)
    await mkdir(dir, { recursive: true })
      .then(() => writeFile(mark, ''))
      .catch(() => undefined);
  return passed;
}
