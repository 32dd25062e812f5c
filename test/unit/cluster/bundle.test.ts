/** The program as sent to a cluster, from a fake installation. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bundlePackage } from '../../../src/cluster/bundle.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fmn-bundle-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text = name): void {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function installed({ llama = 'linux-x64' } = {}): void {
  for (const name of ['trainer.mjs', 'trainer.mjs.map', 'extension.cjs', 'cluster/driver.py', '.built'])
    write(`dist/${name}`);
  for (const name of ['linux-x64', 'darwin-arm64']) write(`dist/native/prebuilt/${name}/binding.node`);
  const dependencies = { chalk: '1', typescript: '1' };
  write('node_modules/pyodide/package.json', JSON.stringify({ dependencies }));
  for (const name of ['index.js', 'index.d.ts', 'README.md']) write(`node_modules/pyodide/${name}`);
  // Two versions of a package: the nearer one is used.
  write('node_modules/chalk/package.json', '{}');
  write('node_modules/pyodide/node_modules/chalk/package.json', '{"dependencies":{"ansi":"1"}}');
  write('node_modules/ansi/package.json', '{}');
  write('node_modules/left/package.json', '{}');
  write(`node_modules/@node-llama-cpp/${llama}/package.json`, '{}');
}

it('contains what workers run, and the packages they need', async () => {
  installed();
  const { name, files } = await bundlePackage('0.1.0', root);
  expect(name).toMatch(/^forget-me-not-0\.1\.0-[0-9a-f]{16}\.zip$/);
  expect(files.map((file) => file.name.replace('forget_me_not/', ''))).toEqual([
    'dist/native/prebuilt/linux-x64/binding.node',
    'dist/trainer.mjs',
    'driver.py',
    'node_modules/@node-llama-cpp/linux-x64/package.json',
    'node_modules/ansi/package.json',
    'node_modules/pyodide/index.js',
    'node_modules/pyodide/node_modules/chalk/package.json',
    'node_modules/pyodide/package.json',
  ]);
});

it('says in one sentence what is missing from an installation', async () => {
  installed({ llama: 'darwin-arm64' });
  await expect(bundlePackage('0.1.0', root)).rejects.toMatchObject({
    code: 'cluster-failed',
    message: expect.stringContaining('workers need that for linux-x64'),
  });
  installed();
  rmSync(join(root, 'dist/cluster'), { recursive: true });
  await expect(bundlePackage('0.1.0', root)).rejects.toMatchObject({
    code: 'cluster-failed',
    message: expect.stringContaining('is missing'),
  });
});
