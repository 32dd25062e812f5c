import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { compileObjects, nativeSources } from '../../../src/tensor/runtime/binding.ts';

const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-binding-'));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

// No such compiler is available here, so the test looks for what GCC 8 to 10 reject.
it.skipIf(process.platform === 'win32')('uses no compiler options that GCC before 11 rejects', async () => {
  const [script, log] = [join(dir, 'c++'), join(dir, 'log')];
  writeFileSync(script, `#!/bin/sh\necho "$@" >> "${log}"\n`);
  chmodSync(script, 0o755);
  const native = await nativeSources();
  await compileObjects({ command: [script], arch: process.arch }, native, dir);
  const asked = readFileSync(log, 'utf8');
  expect(asked).toContain('kernels.cc');
  expect(asked).not.toMatch(/-march=x86-64-v|-std=c\+\+2/);
  for (const name of readdirSync(native.kernels).filter((one) => /\.(cc|h)$/.test(one)))
    expect(readFileSync(join(native.kernels, name), 'utf8')).not.toContain('__builtin_bit_cast');
});
