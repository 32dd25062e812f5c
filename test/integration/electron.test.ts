/**
 * All child processes in the editor's own Node, as on a machine that has no other. Package registries have no Electron, so
 * this is Node behind a program that, like Electron, opens a window unless told to run as Node, and that claims to be
 * Electron. Needs dist/.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/protocol/doctor.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

let place: Workplace;
const electron = () => place.path('electron');
const started = () => place.path('started');
const windows = () => place.path('windows');

beforeAll(async () => {
  place = await Workplace.create();
  await forgetScores(place.path('data', 'cache'));
  await writeFile(
    place.path('preload.cjs'),
    `const { basename } = require('node:path');
process.execPath = ${JSON.stringify(electron())};
Object.defineProperty(process.versions, 'electron', { value: '37.0.0', enumerable: true });
require('node:fs').appendFileSync(${JSON.stringify(started())}, basename(process.argv[1] ?? '') + '\\n');
`,
  );
  await writeFile(
    electron(),
    `#!/bin/sh
[ "$ELECTRON_RUN_AS_NODE" = 1 ] || { echo "$*" >> '${windows()}'; exit 1; }
exec '${process.execPath}' --require '${place.path('preload.cjs')}' "$@"
`,
  );
  await chmod(electron(), 0o755);
  await writeTinyModel(place.path('tiny.gguf'), { seed: 1 });
});
afterAll(() => place?.dispose());

/** The shared cache without the scores of earlier runs, which would save running the programs. */
async function forgetScores(cache: string): Promise<void> {
  const shared = await realpath(cache).catch(() => undefined);
  if (!shared || process.platform === 'win32') return;
  await rm(cache);
  await mkdir(cache);
  for (const name of await readdir(shared))
    if (name !== 'evaluation') await symlink(join(shared, name), join(cache, name), 'junction');
}

async function run<T>(...args: string[]): Promise<T> {
  const env = { ...place.env, ELECTRON_RUN_AS_NODE: '1' };
  const all = [resolve('dist/cli.mjs'), ...args, '--json'];
  const { stdout } = await promisify(execFile)(electron(), all, { env, cwd: place.root, maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}

describe.skipIf(process.platform === 'win32')("the editor's own Node", () => {
  it('starts llama.cpp and a backend', async () => {
    const { ok, llama, backends } = await run<DoctorReport>('doctor');
    expect({ ok, llama: llama.starts }).toEqual({ ok: true, llama: true });
    expect(backends.find(({ name }) => name === 'wasm')).toMatchObject({ starts: true });
  });

  it('trains, measures, runs sandboxed programs and completes without opening a window', async () => {
    const code = place.path('code');
    await mkdir(code);
    for (let n = 0; n < 12; n += 1)
      await writeFile(
        place.path('code', `part${n}.py`),
        `def part_${n}(x):\n    return x * ${n}\n\n\n`.repeat(9),
      );
    const quick =
      '--steps 1 --seq 32 --lr 1e-3 --strength 1 --held-out-windows 1 --retention 0 --humaneval 1'.split(' ');
    const base = ['--base', place.path('tiny.gguf'), '--backend', 'wasm'];
    const { run: id } = await run<{ run: string }>('train', code, ...base, ...quick, '--eval-tasks', 'none');
    await run('complete', '--run', id, `${place.path('code', 'part1.py')}:2:5`);
    const names = new Set((await readFile(started(), 'utf8')).split('\n'));
    for (const name of ['cli', 'trainer', 'training-worker', 'evaluator', 'sandbox-host'])
      expect(names).toContain(`${name}.mjs`);
    await expect(readFile(windows(), 'utf8')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
