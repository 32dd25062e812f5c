/** An adapter is published from one data directory and used in another. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openForeignAdapter } from '../../src/export/import-adapter.ts';
import { Workplace } from '../support/cli.ts';
import { until } from '../support/until.ts';
import { vllmLike } from '../support/lora-servers.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';
import { trainedPrompts } from '../../src/sharing/servers/trained.ts';
import { readSpec } from '../../src/runs/index.ts';

let place: Workplace;
let run: string;
const bob = () => (place.home = place.path('bob'));
const alice = () => (place.home = place.path('data'));
beforeAll(async () => {
  place = await Workplace.create();
  await mkdir(place.path('bob'));
  await writeTinyModel(place.path('base.gguf'), { seed: 1 });
  await writeTinyAdapter(place.path('mine.gguf'), place.path('base.gguf'), { rank: 3, alpha: 6 });
  ({ run } = await place.json<{ run: string }>(
    'import',
    place.path('mine.gguf'),
    '--base',
    place.path('base.gguf'),
  ));
});
afterAll(() => place.dispose());

it('is only published with consent', async () => {
  const { code, stderr } = await place.run('publish', run, '--to', place.path('team'));
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/\d kB leave this machine for .*team, as mine version 1:\n {2}README.md {2}\d kB\n/);
  expect(stderr).toMatch(
    /\[bad-argument\] mine version 1 was not published, because nobody could be asked. Add --yes./,
  );
  expect(await readdir(place.path('team')).catch(() => [])).toEqual([]);
});

it('is published with its report, listed, fetched and used', async () => {
  alice();
  const published = await place.json<{ version: number; sha256: string }>(
    ...['publish', run, '--to', place.path('team'), '--yes', '--licence', 'For our team.'],
  );
  expect(published.version).toBe(1);
  const report = await readFile(place.path('team', 'mine', '1', 'report.html'), 'utf8');
  expect(report).toContain('id="snapshot"');
  expect(report).not.toContain(place.root);
  bob();
  expect(await place.json('fetch', '--from', place.path('team'))).toEqual({
    adapters: [{ name: 'mine', versions: [1] }],
  });
  const from = ['--from', place.path('team'), '--sha256', published.sha256];
  const unknown = await place.run('fetch', 'mine', ...from);
  expect(unknown.stderr).toMatch(
    /\[base-not-found\] The base base \(sha256 \w{12}\) is not known on this machine/,
  );
  const fetched = await place.json<{ run: string; dir: string }>(
    'fetch',
    'mine@1',
    ...from,
    '--base',
    place.path('base.gguf'),
  );
  expect((await place.run('runs')).stdout).toMatch(/mine@1 +done +fetched/);
  expect((await place.run('show', fetched.run)).stdout).toMatch(
    /fetched +mine version 1 from .*licence: For our team\./,
  );
  const again = await place.json('fetch', 'mine', '--from', place.path('team'));
  expect(again).toMatchObject({ run: fetched.run, already: true });
  // The trainer and llama.cpp load it and agree.
  await place.json('export', fetched.run, '--to', 'gguf-adapter', '-o', place.path('out.gguf'));
  const base = (await readSpec(fetched.dir)).base;
  const [before, after] = await Promise.all(
    ['mine.gguf', 'out.gguf'].map((name) => openForeignAdapter(place.path(name), base)),
  );
  expect(after!.adapter.layers).toEqual(before!.adapter.layers);
});

it('does not download the file that the name of its base stands for by now', async () => {
  alice();
  const path = place.path('data', 'runs', run, 'run.json');
  const spec = await readSpec(place.path('data', 'runs', run));
  const base = { ...spec.base, id: 'qwen2.5-coder-0.5b' };
  await writeFile(path, JSON.stringify({ ...spec, base }));
  try {
    await place.json('publish', run, '--to', place.path('earlier'), '--yes', '--name', 'earlier');
  } finally {
    await writeFile(path, JSON.stringify(spec));
  }
  place.home = place.path('carol');
  const { stderr } = await place.run('fetch', 'earlier', '--from', place.path('earlier'));
  expect(stderr).toMatch(/\[base-not-found\] The base qwen2\.5-coder-0\.5b \(sha256 \w{12}\) is not known/);
});

it('reveals neither its folder nor this machine under a given name, not even in its report', async () => {
  alice();
  const path = place.path('data', 'runs', run, 'run.json');
  const spec = await readSpec(place.path('data', 'runs', run));
  const folder = place.path('secret-project');
  await writeFile(path, JSON.stringify({ ...spec, name: 'secret-project', folder }));
  try {
    await place.json('publish', run, '--to', place.path('team'), '--yes', '--name', 'neutral');
  } finally {
    await writeFile(path, JSON.stringify(spec));
  }
  const published = place.path('team', 'neutral', '1');
  expect((await readdir(published)).sort()).toContain('report.html');
  for (const name of await readdir(published))
    for (const word of ['secret-project', place.root])
      expect((await readFile(join(published, name), 'latin1')).split(word), name).toHaveLength(1);
});

it.skipIf(process.platform === 'win32')('leaves nothing behind when its publisher is killed', async () => {
  alice();
  const temporary = place.path('tmp');
  await mkdir(temporary);
  const inside = async (folder: string) => (existsSync(folder) ? readdir(folder) : []);
  const publish = ['publish', run, '--name', 'killed', '--yes', '--to'];
  const env = { ...place.env, TMPDIR: temporary };
  let killed = false;
  // On a busy machine, one may have ended before it is killed.
  for (let tries = 0; !killed && tries < 5; tries += 1) {
    const to = place.path(`killed-${tries}`);
    const child = spawn(process.execPath, [resolve('dist/cli.mjs'), ...publish, to], { env });
    const ended = once(child, 'close');
    await until(
      'its temporary folder',
      async () => child.exitCode !== null || (await inside(temporary)).length > 0,
    );
    child.kill('SIGKILL');
    await ended;
    killed = child.signalCode === 'SIGKILL';
  }
  expect(await inside(temporary)).toHaveLength(1);
  vi.stubEnv('TMPDIR', temporary);
  try {
    await place.json(...publish, place.path('other'));
  } finally {
    vi.unstubAllEnvs();
  }
  expect(await inside(temporary)).toEqual([]);
  expect(await inside(place.path('other'))).toEqual(['killed']);
});

it('is given to a vLLM server as a PEFT folder, and compared with the trainer', async () => {
  alice();
  const dir = place.path('data', 'runs', run);
  const spec = await readSpec(dir);
  // A server that computes as the trainer does; `wrong`: without the adapter.
  let wrong = false;
  const rows = new Map<string, Float32Array[]>();
  const compute = (adapter: string | number | undefined, tokens: readonly number[]) =>
    rows.get(`${adapter === undefined || wrong ? 'base' : 'trained'} ${tokens.join()}`)!;
  const { checkPrompts } = await import('../../src/sharing/servers/prompts.ts');
  const prompts = await checkPrompts(spec.base.path);
  for (const [index, { trained, base }] of (await trainedPrompts(dir, spec, prompts)).entries()) {
    // The server also has the row after the last token, which is not used.
    rows.set(`trained ${prompts[index]!.join()}`, [...trained, trained.at(-1)!]);
    rows.set(`base ${prompts[index]!.join()}`, [...base, base.at(-1)!]);
  }
  const server = await vllmLike({ compute });
  const serve = ['serve', '--on', server.url, '--shared', place.path('shared'), '--adapter', `parser=${run}`];
  try {
    const { offered } = await place.json<{ offered: object[] }>(...serve);
    expect(offered).toMatchObject([{ name: 'parser', run, offered: true }]);
    expect([...server.adapters.keys()]).toEqual(['parser']);
    const folder = server.adapters.get('parser')!;
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ peft_type: 'LORA', r: 3, base_model_name_or_path: 'Example/Base-0.1B' });
    expect((await place.run('serve', '--on', server.url)).stdout).toMatch(
      /^parser +\S+parser-\w{12} +served-base/m,
    );
    await place.json('serve', '--on', server.url, '--unload', 'parser', '--shared', place.path('shared'));
    expect([...server.adapters.keys()]).toEqual([]);
    expect(await readdir(place.path('shared'))).toEqual([]);
    wrong = true;
    const { code, stderr } = await place.run(...serve);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/\[adapter-mismatch\] The server at 127.0.0.1:\d+ does not apply parser/);
    expect([...server.adapters.keys()]).toEqual([]);
  } finally {
    await server.stop();
    await rm(place.path('shared'), { recursive: true, force: true });
  }
});
