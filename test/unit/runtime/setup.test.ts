import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ensureCompiler, ensureDependencies, ensurePython, run } from '../../../scripts/setup.mjs';
import { Sandbox } from './fakes.ts';

let box: Sandbox;
beforeEach(() => {
  box = new Sandbox();
});
afterEach(() => {
  vi.restoreAllMocks();
  box.close();
});

const fakeNpm = (calls: string) => `
const fs = require('node:fs');
fs.appendFileSync(${JSON.stringify(calls)}, process.argv.slice(2).join(' ') + '\\n');
console.error('npm http fetch GET 200 somewhere/left-pad-1.0.0.tgz 5ms');
fs.mkdirSync('node_modules', { recursive: true });
fs.writeFileSync('node_modules/.package-lock.json', '{}');
`;

it('installs packages once, and again only if the lock file has changed', async () => {
  const dir = join(box.dir, 'project');
  const lock = join(dir, 'package-lock.json');
  const write = (version: string) =>
    writeFileSync(lock, JSON.stringify({ packages: { '': {}, 'node_modules/left-pad': { version } } }));
  mkdirSync(dir);
  write('1.0.0');
  box.program('npm', fakeNpm(join(box.dir, 'calls')));
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await ensureDependencies(dir);
  expect(box.calls()).toEqual([expect.stringMatching(/^ci /)]);
  expect(log.mock.calls.flat().join('\n')).toMatch(/Packages .* 100%/);
  await ensureDependencies(dir);
  // As git does on checkout: the same content, a newer time.
  const later = new Date(Date.now() + 60_000);
  utimesSync(lock, later, later);
  await ensureDependencies(dir);
  expect(box.calls()).toHaveLength(1);
  write('2.0.0');
  utimesSync(lock, later, later);
  await ensureDependencies(dir);
  expect(box.calls()).toHaveLength(2);
});

it('leaves out what only tests need until they run', async () => {
  const dir = join(box.dir, 'project');
  mkdirSync(dir);
  const packages = { '': { devDependencies: { tool: '1.0.0' } }, 'node_modules/tool': { dev: true } };
  writeFileSync(join(dir, 'package-lock.json'), JSON.stringify({ packages }));
  box.program('npm', fakeNpm(join(box.dir, 'calls')));
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const calls = () => box.calls().map((call) => /--(omit|include)=dev/.exec(call)?.[1]);
  for (let time = 0; time < 2; time += 1) await ensureDependencies(dir, { tools: false });
  expect(calls()).toEqual(['omit']);
  await ensureDependencies(dir);
  expect(calls()).toEqual(['omit', 'include']);
  mkdirSync(join(dir, 'node_modules/tool'));
  await ensureDependencies(dir);
  expect(calls()).toHaveLength(2);
});

it('rejects with the output of a failed program', async () => {
  const script = join(box.dir, 'fails.mjs');
  writeFileSync(script, "console.error('the reason'); process.exit(3);");
  await expect(run(process.execPath, [script], { onLine: () => {} })).rejects.toThrow(
    /ended with 3\nthe reason/,
  );
  await expect(run(join(box.dir, 'nothing'), [])).rejects.toThrow(/could not be started/);
});

it('runs a program in the given folder and environment', async () => {
  const out = join(box.dir, 'out');
  const code = `require('node:fs').writeFileSync(${JSON.stringify(out)}, process.cwd() + ' ' + process.env.COLOUR)`;
  await run(process.execPath, ['-e', code], { cwd: box.bin, env: { COLOUR: 'blue' } });
  expect(readFileSync(out, 'utf8')).toBe(`${box.bin} blue`);
});

it.runIf(process.platform === 'linux')(
  'asks for a compiler for TensorFlow, and for Python for tests',
  async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    box.noPrograms();
    delete process.env['CXX'];
    await ensureCompiler();
    await ensurePython();
    expect(said.mock.calls.flat()).toEqual([
      "TensorFlow's installation needs a C++ compiler. Install one: sudo apt install g++",
      'Some tests and benchmarks need Python with pip. Install it: sudo apt install python3 python3-pip',
    ]);
  },
);
