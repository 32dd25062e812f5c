/** Adapters from PEFT are imported, measured, exported and served, by the command line and llama.cpp. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StrengthReport } from '../../src/evaluation/strength/set.ts';
import { exportMergedGguf, readAdapterGguf } from '../../src/weights/index.ts';
import { readSafetensors, writeSafetensors } from '../../src/weights/safetensors.ts';
import { openGguf } from '../../src/gguf/index.ts';
import type { ExportRecord } from '../../src/protocol/export.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { Workplace } from '../support/cli.ts';
import { llamaProbabilities } from '../support/llama-oracle.ts';
import {
  furthest,
  peftCases,
  peftLogProbabilities,
  peftTokens,
  writePeftBase,
  writePeftFolder,
} from '../support/peft-fixture.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let place: Workplace;
const runs = new Map<string, string>();
const at = (...names: string[]) => place.path(...names);
const [[title, allLinears], [qwenTitle, qwen]] = peftCases as [
  (typeof peftCases)[number],
  (typeof peftCases)[number],
];
type Exported = ExportRecord & { run: string };
/** The weights of all linears of all blocks, in file order. */
async function linears(name: string): Promise<number[]> {
  const file = await openGguf(at(name));
  try {
    const values: number[] = [];
    for (const one of file.tensors.keys())
      if (/^blk\.\d+\.(attn|ffn)_(?!norm)/.test(one))
        for (const value of await file.readF32(one)) values.push(value);
    return values;
  } finally {
    await file.close();
  }
}
const exportAs = (run: string, ...args: string[]) => place.json<Exported>('export', run, ...args);

beforeAll(async () => {
  place = await Workplace.create();
  for (const [name, one] of [
    [title, allLinears],
    [qwenTitle, qwen],
  ] as const) {
    await writePeftBase(at(`${one.architecture}.gguf`), one.architecture);
    await writePeftFolder(at(`peft-${one.architecture}`), one);
    const base = at(`${one.architecture}.gguf`);
    const { run } = await place.json<{ run: string }>(
      'import',
      at(`peft-${one.architecture}`),
      '--base',
      base,
    );
    runs.set(name, run);
  }
});
afterAll(() => place.dispose());

describe.each([
  [title, allLinears],
  [qwenTitle, qwen],
] as const)('an imported adapter, %s', (name, one) => {
  const base = () => at(`${one.architecture}.gguf`);
  const dir = () => join(place.home, 'runs', runs.get(name)!);

  it('computes in llama.cpp what it does in PEFT', async () => {
    const rows = await llamaProbabilities(base(), peftTokens, join(dir(), 'adapter.gguf'));
    expect(furthest(peftLogProbabilities(one), rows)).toBeLessThan(1e-3);
  });

  it('computes the same when merged in F16, within half precision', async () => {
    const out = at(`${one.architecture}-merged.gguf`);
    const { check } = await exportAs(runs.get(name)!, '--to', 'gguf-merged', '-o', out);
    expect(check).toMatchObject({ ok: true, limit: 1e-3 });
    const expected = peftLogProbabilities(one);
    const rows = await llamaProbabilities(out, peftTokens);
    const kls = expected.map((row, t) =>
      row.reduce((sum, log, i) => sum + Math.exp(log) * (log - Math.log(rows[t]![i]!)), 0),
    );
    expect(kls.reduce((sum, kl) => sum + kl, 0) / kls.length).toBeLessThan(1e-2);
  });

  it('is exported to PEFT unchanged', async () => {
    const out = at(`${one.architecture}-again`);
    const { check, path, note } = await exportAs(
      runs.get(name)!,
      '--to',
      'peft',
      '-o',
      out,
      '--base-name',
      `tiny/${one.architecture}`,
    );
    // The limit of an adapter on its base: merged, it would take far more memory and disk than the training did.
    expect(check).toMatchObject({ ok: true, limit: 0.01 });
    expect(note).toBeUndefined();
    expect(check.change).toBeGreaterThan(0.01);
    const read = (folder: string) => readSafetensors(join(folder, 'adapter_model.safetensors'));
    const [ours, theirs] = [await read(path), await read(at(`peft-${one.architecture}`))];
    expect(ours.size).toBe(theirs.size);
    for (const [tensor, { data }] of theirs)
      expect(await ours.get(tensor)!.data.read(), tensor).toEqual(await data.read());
    const config = JSON.parse(await readFile(join(path, 'adapter_config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    for (const key of ['r', 'lora_alpha', 'use_rslora', 'base_model_name_or_path', 'peft_type', 'task_type'])
      expect(config[key], key).toEqual(one.config[key]);
  });
});

it('a merged model keeps the bytes of tensors that were not trained', async () => {
  await writeTinyModel(at('q8.gguf'), { seed: 3, type: 'Q8_0' });
  await writeTinyAdapter(at('q8-adapter.gguf'), at('q8.gguf'), { targets: ['attn_v'], scale: 1 });
  const { run } = await place.json<{ run: string }>('import', at('q8-adapter.gguf'), '--base', at('q8.gguf'));
  const { check } = await exportAs(run, '--to', 'gguf-merged', '--type', 'Q8_0', '-o', at('q8-merged.gguf'));
  expect(check.ok).toBe(true);
  const [before, after] = [await openGguf(at('q8.gguf')), await openGguf(at('q8-merged.gguf'))];
  for (const [name, { type }] of before.tensors) {
    expect(after.tensors.get(name)!.type).toBe(type);
    const same = Buffer.compare(await before.readBytes(name), await after.readBytes(name)) === 0;
    expect(same, name).toBe(!name.includes('attn_v'));
  }
  await before.close();
  await after.close();
  // For other tools.
  const adapter = await exportAs(run, '--to', 'gguf-adapter', '-o', at('q8-adapter-again.gguf'));
  expect(adapter.check.ok).toBe(true);
  const shown = await place.json<RunSnapshot>('show', run);
  expect(shown.exports?.map(({ to }) => to)).toEqual(['gguf-merged', 'gguf-adapter']);
  const { stdout } = await place.run('show', run);
  expect(stdout).toMatch(/imported +from .*q8-adapter\.gguf \(GGUF\)/);
  expect(stdout).toMatch(/exported +merged GGUF in Q8_0, .*llama\.cpp agrees with the trainer/);
});

it('export takes a checkpoint in place of the result', async () => {
  const run = runs.get(title)!;
  const dir = join(place.home, 'runs', run);
  const { layers } = await readAdapterGguf(join(dir, 'adapter.gguf'));
  // As the trainer writes it; this one has learned nothing.
  const tensors = layers.flatMap(({ name, a, b, rank, in: width, out }) => [
    [`${name}.lora_a`, { shape: [rank, width], data: a }] as const,
    [`${name}.lora_b`, { shape: [out, rank], data: new Float32Array(b.length) }] as const,
  ]);
  await mkdir(join(dir, 'checkpoints', 'step-000004'), { recursive: true });
  await writeSafetensors(join(dir, 'checkpoints', 'step-000004', 'parameters.safetensors'), new Map(tensors));
  const { step, strength, check } = await exportAs(
    run,
    ...['--to', 'gguf-merged', '--checkpoint', '4', '-o', at('step-4.gguf')],
  );
  expect({ step, strength }).toEqual({ step: 4, strength: 1 });
  expect(check).toMatchObject({ ok: true, change: 0 });
  await rm(join(dir, 'checkpoints'), { recursive: true });
});

it('every format has a strength that was set by hand', async () => {
  const run = runs.get(title)!;
  const merged = async (name: string) => {
    await exportAs(run, '--to', 'gguf-merged', '-o', at(name));
    return linears(name);
  };
  const before = await linears('llama.gguf');
  const whole = await merged('whole.gguf');
  const { alpha } = await readAdapterGguf(join(place.home, 'runs', run, 'adapter.gguf'));
  const shown = await place.json<StrengthReport>('strength', run, '0.5');
  expect(shown).toEqual({ strength: 0.5, chosen: 1, given: 0.5 });
  const half = await merged('half.gguf');
  // Within the half precision of both files.
  const furthest = (share: number) =>
    Math.max(...before.map((base, i) => Math.abs(half[i]! - base - share * (whole[i]! - base))));
  expect(furthest(0.5)).toBeLessThan(2e-3);
  expect(furthest(1)).toBeGreaterThan(2e-2);

  const { path, strength } = await exportAs(run, '--to', 'gguf-adapter', '-o', at('half-adapter.gguf'));
  expect(strength).toBe(0.5);
  expect((await readAdapterGguf(path)).alpha).toBe(alpha / 2);
  const peft = await exportAs(run, '--to', 'peft', '-o', at('half-peft'));
  expect(peft.note).toMatch(/names the base "llama"\. .*--base-name\.$/);
  const config = JSON.parse(await readFile(join(peft.path, 'adapter_config.json'), 'utf8')) as object;
  expect(config).toMatchObject({
    r: allLinears.config.r,
    lora_alpha: Number(allLinears.config['lora_alpha']) / 2,
  });

  const { stdout } = await place.run('strength', run);
  expect(stdout).toMatch(/has strength 0\.5, set by hand/);
  const wrong = await place.run('strength', run, 'half');
  expect(wrong.stderr).toMatch(/\[bad-argument\]/);
  expect(await place.json('strength', run, 'chosen')).toEqual({ strength: 1, chosen: 1 });
});

it('a PEFT folder names a known base as transformers does', async () => {
  const dir = join(place.home, 'runs', 'known');
  await cp(join(place.home, 'runs', runs.get(title)!), dir, { recursive: true });
  const spec = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as RunSnapshot['spec'];
  const base = { ...spec.base, id: 'codellama-7b' };
  await writeFile(join(dir, 'run.json'), JSON.stringify({ ...spec, id: 'known', base }));
  const { path, note } = await exportAs('known', '--to', 'peft', '-o', at('known-peft'));
  expect(note).toBeUndefined();
  const config = JSON.parse(await readFile(join(path, 'adapter_config.json'), 'utf8')) as object;
  expect(config).toMatchObject({ base_model_name_or_path: 'codellama/CodeLlama-7b-hf' });
  await rm(dir, { recursive: true });
});

it('a result that is not offered is exported with a warning, and with its strength', async () => {
  const dir = join(place.home, 'runs', 'refused');
  await cp(join(place.home, 'runs', runs.get(title)!), dir, { recursive: true });
  const spec = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as RunSnapshot['spec'];
  await writeFile(join(dir, 'run.json'), JSON.stringify({ ...spec, id: 'refused', name: 'refused' }));
  const { state } = await place.json<RunSnapshot>('show', 'refused');
  const choice = { strength: 0, why: 'it forgot too much', limit: 0.1, path: [], setting: '' };
  const summary = { step: state.step, sentence: '', comparisons: [], choice };
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  await writeFile(join(dir, 'evaluation', 'summary.json'), JSON.stringify(summary));
  const { code, stdout, stderr } = await place.run(
    ...['export', 'refused', '--to', 'gguf-adapter', '-o', at('refused.gguf')],
  );
  expect(code).toBe(0);
  expect(stderr).toMatch(/^Warning: refused completes code no better than before.*: it forgot too much\.$/m);
  expect(stdout).toMatch(/^GGUF adapter at strength 1, \d+ MB: /m);
  await rm(dir, { recursive: true });
});

it('a full fine-tune is exported as a model only', async () => {
  const spec = JSON.parse(
    await readFile(join(place.home, 'runs', runs.get(title)!, 'run.json'), 'utf8'),
  ) as RunSnapshot['spec'];
  const dir = join(place.home, 'runs', 'full-run');
  await cp(join(place.home, 'runs', runs.get(title)!), dir, { recursive: true });
  const full = { ...spec, id: 'full-run', hyper: { ...spec.hyper, method: 'full' } };
  await writeFile(join(dir, 'run.json'), JSON.stringify(full));
  await exportMergedGguf(
    join(dir, 'model.gguf'),
    at('llama.gguf'),
    await readAdapterGguf(join(dir, 'adapter.gguf')),
    { type: 'F16' },
  );
  const { check, type } = await exportAs(
    'full-run',
    '--to',
    'gguf-merged',
    '--type',
    'Q8_0',
    '-o',
    at('full.gguf'),
  );
  expect(type).toBe('Q8_0');
  expect(check.ok).toBe(true);
  const { stderr } = await place.run('export', 'full-run', '--to', 'peft', '-o', at('full'));
  expect(stderr).toMatch(/\[bad-argument\].*no adapter.*gguf-merged/);
  const weaker = await place.run('strength', 'full-run', '0.5');
  expect(weaker.stderr).toMatch(/\[bad-argument\].*no adapter whose strength/);
  await rm(dir, { recursive: true });
});

it('a run that was never checked is checked once, at its first use', async () => {
  const run = runs.get(title)!;
  await writeFile(at('first.py'), 'def add(a, b):\n    return a');
  const complete = () => place.run('complete', `${at('first.py')}:2:13`, '--run', run);
  const [first, second] = [await complete(), await complete()];
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(first.stderr).toContain('Checking first that the served model matches the trained one');
  expect(second.stderr).not.toContain('Checking first');
  const { summary } = await place.json<RunSnapshot>('show', run);
  expect(summary).toMatchObject({ served: { ok: true }, comparisons: [] });
});

it('an imported run can be measured and compared', async () => {
  const run = runs.get(title)!;
  const metrics = await place.json<{ task: string; metric: string }[]>(
    'evaluate',
    run,
    '--tasks',
    'retention',
    '--limit',
    '2',
  );
  expect(metrics.map(({ metric }) => metric)).toContain('KL from base');
  const { summary } = await place.json<RunSnapshot>('show', run);
  expect(summary?.served?.ok).toBe(true);
  const compared = await place.run('compare', run, run);
  expect(compared.code).toBe(0);
  const workspace = await place.run('evaluate', run, '--tasks', 'workspace');
  expect(workspace.stderr).toContain('was imported and has no held-out files');
});

it('an export that cannot be recorded in its run is kept, with a warning', async () => {
  const dir = join(place.home, 'runs', 'unlisted');
  await cp(join(place.home, 'runs', runs.get(title)!), dir, { recursive: true });
  const spec = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as RunSnapshot['spec'];
  await writeFile(join(dir, 'run.json'), JSON.stringify({ ...spec, id: 'unlisted' }));
  await rm(join(dir, 'exports.jsonl'), { force: true });
  // Not even root can append to a folder.
  await mkdir(join(dir, 'exports.jsonl'));
  const { code, stdout } = await place.run(
    ...['export', 'unlisted', '--to', 'gguf-adapter', '-o', at('unlisted.gguf')],
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Warning: It is not listed among the run's exports: .*exports\.jsonl/m);
  expect(existsSync(at('unlisted.gguf'))).toBe(true);
  expect((await place.json<RunSnapshot>('show', 'unlisted')).exports).toBeUndefined();
  await rm(dir, { recursive: true });
});

describe('export refuses', () => {
  it('a base other than that of the run', async () => {
    const { run } = await place.json<{ run: string }>(
      'import',
      at('peft-qwen2'),
      '--base',
      at('qwen2.gguf'),
      '--name',
      'moved',
    );
    const kept = await readFile(at('qwen2.gguf'));
    await writePeftBase(at('qwen2.gguf'), 'llama');
    const { code, stderr } = await place.run('export', run, '--to', 'gguf-merged', '-o', at('x.gguf'));
    await writeFile(at('qwen2.gguf'), kept);
    expect(code).toBe(1);
    expect(stderr).toContain('[base-checksum]');
    expect(existsSync(at('x.gguf'))).toBe(false);
  });

  it.each([
    [['--to', 'peft', '--type', 'F16'], '--type is for gguf-merged'],
    [['--to', 'onnx'], 'is invalid'],
    [['--to', 'peft', '--checkpoint', '7'], 'has no checkpoint of step 7'],
    [['--to', 'peft', '--names', 'text'], 'this base has only one kind of names'],
    [['--to', 'gguf-adapter', '--names', 'text'], '--names is for peft'],
  ])('%j', async (args, message) => {
    const { code, stderr } = await place.run('export', runs.get(title)!, ...args, '-o', at('x'));
    expect(code).toBe(1);
    expect(stderr).toContain('[bad-argument]');
    expect(stderr).toContain(message);
    expect(existsSync(at('x'))).toBe(false);
  });
});

it('import for another base names both', async () => {
  const { code, stderr } = await place.run('import', at('peft-llama'), '--base', at('q8.gguf'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/\[adapter-mismatch\].*tiny\/llama.*q8\.gguf/);
  expect((await place.json<{ runs: unknown[] }>('runs')).runs).toHaveLength(4);
});
