/** The command line as npm installs it: an executable link to dist/cli.mjs. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

interface Package {
  version: string;
  bin: Record<string, string>;
}

it.skipIf(process.platform === 'win32')('runs as an executable', () => {
  const { version, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as Package;
  const dir = mkdtempSync(join(tmpdir(), 'fmn-bin-'));
  try {
    const program = resolve(bin['forget-me-not']!);
    chmodSync(program, 0o755);
    symlinkSync(program, join(dir, 'forget-me-not'));
    expect(execFileSync(join(dir, 'forget-me-not'), ['--version'], { encoding: 'utf8' }).trim()).toBe(
      version,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it('ends silently when its reader closes the pipe', async () => {
  const child = spawn(process.execPath, [resolve('dist/cli.mjs'), 'train', '--help']);
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (text) => (said += String(text)));
  const code = await new Promise((done) => child.on('close', done));
  expect({ code, said }).toEqual({ code: 0, said: '' });
});
