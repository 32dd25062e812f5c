import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { showCommand } from '../../../src/cli/commands/results/show.ts';
import { evaluationSummaryPath, writeJson } from '../../../src/runs/files.ts';
import { effectiveStatus, listRuns, readRun } from '../../../src/runs/index.ts';
import { isChecked } from '../../../src/extension/texts.ts';
import { beforeName } from '../../../src/findings/before.ts';
import { comparisonTable } from '../../../src/cli/view/tables.ts';
import { listSettings } from '../../../src/evaluation/metrics/differing-settings.ts';
import { addToSummary } from '../../../src/evaluation/metrics/summary.ts';
import { reportStrength, setStrength } from '../../../src/evaluation/strength/set.ts';
import { notBetter } from '../../../src/findings/offer.ts';
import { openGguf, writeGguf } from '../../../src/gguf/index.ts';
import type { StrengthChoice } from '../../../src/protocol/evaluation.ts';
import type { Place, Store, Transfer } from '../../../src/sharing/stores/store.ts';
import { comparisonRows } from '../../../webview/view-model/comparisons.ts';
import { runFacts } from '../../../webview/view-model/facts.ts';
import { seriesOf } from '../../../webview/view-model/series.ts';
import { findPublished } from '../../../src/sharing/fetch-adapter.ts';
import { sharedName } from '../../../src/sharing/pack.ts';
import { shareable } from '../../../src/sharing/shareable.ts';
import { FolderStore } from '../../../src/sharing/stores/folder-store.ts';
import { openStore } from '../../../src/sharing/stores/open-store.ts';
import { servedRun } from '../../../src/serving/client/run-model.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../../src/weights/index.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';
import { examine } from '../../../src/base-models/checksums.ts';
import { planted } from '../../support/planted-secrets.ts';
import { PRIVATE, replaceFile, summary, tamper } from '../../support/shared-run.ts';
import { allTexts, useDesk } from './help.ts';
import { vi } from 'vitest';
import { choiceAt } from '../../support/choice.ts';

const desk = useDesk();
let dir: string;
let store: FolderStore;
beforeAll(async () => {
  dir = await desk.makeRun();
});
beforeEach(async () => {
  desk.switchTo('alice');
  await rm(desk.at('team'), { recursive: true, force: true });
  await rm(desk.at('bob'), { recursive: true, force: true });
  store = new FolderStore(desk.at('team'));
});
const choice: StrengthChoice = choiceAt(1, 'so it is', { limit: 9 });
const version = (number = 1) => desk.at('team', 'demo', String(number));

describe('a published adapter', () => {
  it('has its metrics and curves, and nothing of the text or of this machine', async () => {
    await desk.publish(dir, store, { licence: 'For our team only.' });
    const text = await allTexts(desk.at('team'));
    for (const word of [...PRIVATE, desk.root, homedir()]) expect(text).not.toContain(word);
    expect(await readdir(version())).toEqual([
      'README.md',
      'adapter.gguf',
      'events.jsonl',
      'manifest.json',
      'report.html',
      'run.json',
      'summary.json',
    ]);
    expect(JSON.parse(await readFile(join(version(), 'manifest.json'), 'utf8'))).toMatchObject({
      format: 1,
      name: 'demo',
      version: 1,
      step: 24,
      licence: 'For our team only.',
      base: { id: 'tiny', sha256: desk.base.sha256, licence: 'apache-2.0' },
    });
    expect(await readFile(join(version(), 'README.md'), 'utf8')).toMatch(
      /\| workspace \| loss \| 2 \| 1.5 \|/,
    );
  });

  it('has the learning rate that the run chose, and not the folder of an imported base', async () => {
    const run = await readRun(dir);
    const shared = shareable(
      {
        ...run,
        spec: { ...run.spec, imported: { from: '/mnt/x/mine', format: 'peft', base: '/mnt/x/models/Tiny' } },
        state: { ...run.state, learningRate: { rate: 3e-4, why: 'the default' } },
      },
      'demo',
    );
    // Nor what its texts consisted of.
    expect(JSON.stringify(run.events)).toContain('"texts"');
    expect(JSON.stringify(shared)).not.toMatch(/\/mnt|mine|"texts"/);
    expect(shared.spec).toMatchObject({
      imported: { from: 'a local file', base: 'Tiny' },
      hyper: { learningRate: 3e-4 },
      learningRateReason: 'the default',
    });
  });

  it('names no folder, not even one that could be a name on the hub', async () => {
    const run = await readRun(dir);
    const of = (data: string, source: string) => {
      const corpus = { ...run.spec.corpus, data, replay: { source, rate: 0.1 } };
      return shareable({ ...run, spec: { ...run.spec, corpus } }, 'demo').spec.corpus;
    };
    expect(of('owner/name:train', 'base')).toMatchObject({
      data: 'owner/name:train',
      replay: { source: 'base' },
    });
    // As for a run started next to such a folder: vitest runs in this repository.
    expect(of('test/support', 'src/corpus')).toMatchObject({
      data: 'a local file',
      replay: { source: 'a local file' },
    });
    expect(of('colleague-data/rows.jsonl', 'base').data).toBe('a local file');
  });

  it('contains no folder name if it was given its own name', async () => {
    const named = await desk.makeRun({ name: 'secret-project' });
    await desk.publish(named, store, { name: 'neutral' });
    const text = await allTexts(desk.at('team'));
    for (const word of [...PRIVATE, desk.root, homedir()]) expect(text).not.toContain(word);
    expect(JSON.parse(await readFile(desk.at('team/neutral/1/run.json'), 'utf8'))).toMatchObject({
      name: 'neutral',
      learningRateReason: 'from ~/x; {sweep} can find a better one',
      corpus: { data: 'a local file', replay: { source: 'a local file' } },
    });
  });

  it('has no unknown texts in the header of its adapter', async () => {
    const named = await desk.makeRun();
    const path = join(named, 'adapter.gguf');
    const gguf = await openGguf(path);
    const metadata = new Map(await gguf.copyMetadata());
    metadata.set('general.name', { type: 'string', value: 'secret-project' });
    const tensors = await Promise.all(
      [...gguf.tensors].map(async ([name, { shape, type }]) => ({
        name,
        shape,
        type,
        data: await gguf.readBytes(name),
      })),
    );
    await gguf.close();
    await writeGguf(path, { metadata, tensors });
    await desk.publish(named, store);
    expect(await allTexts(desk.at('team'))).not.toContain('secret-project');
  });

  it('says about retention on a file only that it was a file', async () => {
    const run = await readRun(dir);
    const of = (setting: string) => {
      const [comparison] = summary.comparisons;
      const comparisons = [{ ...comparison!, after: { ...comparison!.after, setting } }];
      const shared = shareable({ ...run, summary: { ...summary, comparisons } }, 'demo');
      return shared.summary!.comparisons[0]!.after.setting;
    };
    const start = 'quick: 8 texts sampled from the base; 12 pieces of up to 512 tokens of ';
    expect(of(`${start}/srv/secret-project/notes.jsonl`)).toBe(`${start}a local file`);
    expect(of(`${start}owner/name`)).toBe(`${start}owner/name`);
  });

  it('puts a licence of many lines on one, so that it can be fetched', async () => {
    const right = desk.base;
    const licence = `LICENCE\r\n\tof\u202e the base\n\n${'All rights reserved. '.repeat(200)}`;
    await writeTinyModel(desk.at('licensed.gguf'), { seed: 3, licence });
    desk.base = { id: 'licensed', ...(await examine(desk.at('licensed.gguf'))) };
    try {
      await desk.publish(await desk.makeRun(), store);
      desk.switchTo('bob');
      await desk.fetch(store, { name: 'demo' });
      const { manifest } = await findPublished({ store, name: 'demo' });
      expect(manifest.base.licence).toMatch(/^LICENCE of the base All rights reserved\. .{400,480}…$/);
    } finally {
      desk.base = right;
    }
  });

  it('becomes a run elsewhere, with the same weights and metrics, that states its origin', async () => {
    const sha256 = await desk.publish(dir, store, { licence: 'For our team only.' });
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo', sha256 });
    const run = await readRun(fetched);
    expect(effectiveStatus(run)).toBe('done');
    expect(run.spec).toMatchObject({
      name: 'demo@1',
      folder: '',
      base: { path: desk.base.path },
      hyper: { learningRate: 1e-4, rank: 3, alpha: 6 },
      fetched: { from: desk.at('team'), name: 'demo', version: 1, sha256, licence: 'For our team only.' },
    });
    expect(run.summary?.comparisons).toEqual(summary.comparisons);
    expect(run.events.filter(({ type }) => type === 'step')).toHaveLength(3);
    const [before, after] = await Promise.all(
      [dir, fetched].map((folder) => readAdapterGguf(join(folder, 'adapter.gguf'))),
    );
    expect(after).toEqual(before);
    expect((await listRuns()).map(({ spec }) => spec.id)).toEqual([run.spec.id]);
  });

  it('is served only after this machine has checked it, whatever it claims', async () => {
    await desk.publish(dir, store);
    const claims = { ...summary, choice, givenStrength: 0.5 };
    await replaceFile(version(), 'summary.json', JSON.stringify(claims));
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    const checked = new Error('checked here');
    await expect(servedRun(fetched, () => Promise.reject(checked))).rejects.toBe(checked);
    const run = await readRun(fetched);
    expect(isChecked(run)).toBe(false);
    expect(Object.keys(run.summary!).sort()).toEqual(['comparisons', 'sentence', 'stated', 'step']);
    await expect(servedRun(dir, () => Promise.reject(checked))).resolves.toBeDefined();
  });

  it('is not offered here either if its publisher did not offer it', async () => {
    const refused = await desk.makeRun();
    const none = { ...choice, decided: 'not better' as const, strength: 0, why: 'it forgot too much' };
    await writeJson(evaluationSummaryPath(refused), { ...summary, choice: none });
    await desk.publish(refused, store);
    expect(await readFile(join(version(), 'README.md'), 'utf8')).toContain(
      'Not offered: it forgot too much.',
    );
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    const why = async (folder = fetched) => notBetter('demo', (await readRun(folder)).summary!)?.message;
    expect(await why()).toMatch(/not offered for completion: its publisher did not offer it\.$/);
    expect((await readRun(fetched)).summary!.sentence).toMatch(
      /^Not offered: its publisher did not offer it\. Fetch another version, or train on your own code\./,
    );
    // As for a result of one's own, a strength set by hand is the user's decision.
    await setStrength(fetched, 0.5);
    expect(await why()).toBeUndefined();
    await setStrength(fetched, 'chosen');
    expect(await why()).toBeDefined();
    await desk.publish(fetched, store, { name: 'again' });
    desk.switchTo('alice');
    expect(await why((await desk.fetch(store, { name: 'again' })).dir)).toBeDefined();
  });

  it("shows its publisher's metrics as theirs, until they are measured here", async () => {
    await desk.publish(dir, store);
    const [own] = summary.comparisons;
    const lines = { ...own!, metric: 'bits per byte' };
    const kl = { ...own!, task: 'retention', metric: 'KL from base' };
    const strange = { ...own!, task: 'constructor' };
    await replaceFile(
      version(),
      'summary.json',
      JSON.stringify({ ...summary, sentence: 'The best of all.', comparisons: [lines, kl, strange] }),
    );
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    const run = await readRun(fetched);
    expect(run.summary).toMatchObject({ stated: ['workspace', 'retention'], comparisons: [lines, kl] });
    expect(run.summary!.sentence).toBe(
      'Its publisher states: Predicts held-out text better than before. General ability: has moved away from the base on other text (KL 1.50, more than 0.1).',
    );
    expect(comparisonTable(run.summary!.comparisons, { stated: run.summary!.stated }).join('\n')).toMatch(
      /bits per byte \(nats per token\), as its publisher states .*\n.*KL from base .*, as its publisher states /,
    );
    expect(comparisonRows(run.summary!)[0]!.metric).toBe('Held-out bits per byte, as its publisher states');
    const after = await addToSummary(fetched, 24, {
      planned: ['retention'],
      measured: { task: 'retention', comparisons: [kl] },
    });
    expect(after).toMatchObject({ stated: ['workspace'], comparisons: [lines, kl] });
    expect(after.sentence).toMatch(
      /^General ability: .* Its publisher states: Predicts held-out text better/,
    );
  });

  it('plans its own measurements here', async () => {
    const spec = (await readRun(dir)).spec;
    await desk.publish(dir, store);
    const evaluation = {
      ...spec.evaluation,
      retentionTexts: 9e15,
      checkpointTasks: ['retention', 'toString'],
    };
    const claims = {
      ...spec,
      evaluation,
      engine: undefined,
      continues: { run: 'x', sha256: 'y' },
      corpus: { ...spec.corpus, data: '/etc/passwd', include: ['*'] },
    };
    await replaceFile(version(), 'run.json', JSON.stringify(claims));
    desk.switchTo('bob');
    const { spec: fetched } = await desk.fetch(store, { name: 'demo' });
    expect(fetched.evaluation).toMatchObject({ retentionTexts: 8, checkpointTasks: ['retention'] });
    expect(fetched.corpus).toMatchObject({ data: 'a local file', include: [] });
    expect(fetched.continues).toBeUndefined();
  });

  it.each([
    { began: 'with the base', patch: { continues: undefined }, strength: 0.5 },
    // What it began with is not published, so the strength of the copy is of the whole.
    { began: 'with an adapter', patch: {}, strength: 1 },
  ])('of a run that began $began changes the base as it was published', async ({ patch, strength }) => {
    const weaker = await desk.makeRun(patch as object);
    await setStrength(weaker, 0.5);
    await desk.publish(weaker, store);
    const published = await readAdapterGguf(join(weaker, 'adapter.gguf'));
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    expect(await reportStrength(fetched)).toEqual({ strength, chosen: strength });
    expect(await readAdapterGguf(join(fetched, 'adapter.gguf'))).toEqual(published);
  });

  it('includes only files that are read', async () => {
    await desk.publish(dir, store);
    // Which earlier versions published.
    await tamper(version(), ({ files }) => {
      files.push({ path: 'spectrum.json', bytes: 2, sha256: 'ab'.repeat(32) });
    });
    const asked: string[] = [];
    const watched: Store = Object.create(store, {
      download: {
        value: (place: Place, ...rest: [string, Transfer]) => {
          asked.push(place.path);
          return store.download(place, ...rest);
        },
      },
    }) as Store;
    desk.switchTo('bob');
    await desk.fetch(watched, { name: 'demo' });
    expect(asked.sort()).toEqual(['adapter.gguf', 'events.jsonl', 'run.json', 'summary.json']);
  });

  it('need not have ended itself: its trainer may have been killed while it measured', async () => {
    const killed = await desk.makeRun();
    const path = join(killed, 'events.jsonl');
    const lines = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, lines.filter((line) => !line.includes('"type":"done"')).join('\n'));
    await desk.publish(killed, store);
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    expect((await readRun(fetched)).state).toMatchObject({ status: 'done', step: 24 });
  });

  it('is shown with its origin', async () => {
    await desk.publish(dir, store);
    desk.switchTo('bob');
    const { id } = await desk.fetch(store, { name: 'demo' });
    const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await showCommand().parseAsync([id], { from: 'user' });
    const [shown] = print.mock.calls[0] as [string];
    print.mockRestore();
    expect(shown).toMatch(/fetched +demo version 1 from .*team, published 20\d\d-/);
    expect(shown).toContain('lionw at 0.0001');
  });

  it('says what its figures mean by "before", also when republished', async () => {
    const reference = { sha256: 'cd'.repeat(32) };
    await desk.publish(await desk.makeRun({ continues: undefined, reference }), store);
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    await desk.publish(fetched, store, { name: 'again' });
    desk.switchTo('alice');
    const again = await desk.fetch(store, { name: 'again' });
    for (const folder of [fetched, again.dir]) {
      const run = await readRun(folder);
      expect(run.spec.reference).toBeUndefined();
      const [base] = runFacts(run, seriesOf(run.events)).filter(({ name }) => name === 'Base');
      expect(base!.value).toBe('tiny with its reference adapter');
      expect(listSettings({ spec: run.spec }).get('begins with')).toBe('the reference adapter');
    }
  });

  it('calls the result that it continues "before", without naming it, also when republished', async () => {
    await desk.publish(dir, store);
    expect(await readFile(join(version(), 'run.json'), 'utf8')).not.toContain('warehouse');
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    await desk.publish(fetched, store, { name: 'again' });
    desk.switchTo('alice');
    const again = await desk.fetch(store, { name: 'again' });
    for (const folder of [fetched, again.dir]) {
      const { spec } = await readRun(folder);
      expect(spec.continues).toBeUndefined();
      expect(beforeName(spec, 'tiny')).toBe('the run that it continues');
    }
  });

  it("computes on this machine's backend, not on the one it was trained with", async () => {
    const trained = { ...(await readRun(dir)).spec, backend: 'webgpu', device: 'H100', planned: 'webgpu' };
    await desk.publish(dir, store);
    await replaceFile(version(), 'run.json', JSON.stringify(trained));
    desk.switchTo('bob');
    const { spec } = await desk.fetch(store, { name: 'demo' });
    expect(spec.backend).toBe('auto');
    expect([spec.device, spec.planned]).toEqual([undefined, undefined]);
  });

  it('is not fetched twice', async () => {
    await desk.publish(dir, store);
    desk.switchTo('bob');
    const { id } = await desk.fetch(store, { name: 'demo' });
    expect(await findPublished({ store, name: 'demo' })).toMatchObject({ known: id });
  });

  it('can be published again by whoever fetched it', async () => {
    await desk.publish(dir, store);
    desk.switchTo('bob');
    const { dir: fetched } = await desk.fetch(store, { name: 'demo' });
    await desk.publish(fetched, store, { name: 'again' });
    expect(await store.names()).toEqual(['again', 'demo']);
  });
});

describe('versions', () => {
  it('count up, and the newest is used unless one is named', async () => {
    await desk.publish(dir, store);
    await desk.publish(dir, store);
    expect(await store.versions('demo')).toEqual([1, 2]);
    expect(await findPublished({ store, name: 'demo' })).toMatchObject({
      manifest: { version: 2 },
      newest: 2,
    });
    expect(await findPublished({ store, name: 'demo', version: 1 })).toMatchObject({ newest: 2 });
  });

  it('of an interrupted publisher are skipped, and their number stays taken', async () => {
    await desk.publish(dir, store);
    await desk.publish(dir, store);
    await rm(join(version(2), 'manifest.json'));
    expect(await findPublished({ store, name: 'demo' })).toMatchObject({ manifest: { version: 1 } });
    expect((await store.versions('demo')).at(-1)).toBe(2);
  });

  it('are never replaced', async () => {
    const late = new FolderStore(desk.at('team'));
    late.versions = () => Promise.resolve([]);
    await desk.publish(dir, store);
    await expect(desk.publish(dir, late)).rejects.toMatchObject({ code: 'bad-argument' });
    expect(await readdir(desk.at('team', 'demo'))).toEqual(['1']);
  });
});

describe('problems are reported in a sentence, and leave no run', () => {
  const refused = async (code: string, words: RegExp, asked: { version?: number; sha256?: string } = {}) => {
    desk.switchTo('bob');
    const error: unknown = await desk
      .fetch(store, { name: 'demo', ...asked })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(words);
    expect(await listRuns()).toEqual([]);
  };
  beforeEach(() => desk.publish(dir, store));

  it('a changed byte', async () => {
    const path = join(version(), 'adapter.gguf');
    const bytes = await readFile(path);
    bytes[bytes.length - 9]! ^= 1;
    await writeFile(path, bytes);
    await refused('adapter-damaged', /checksum of adapter.gguf/);
  });
  it('a missing end', async () => {
    await truncate(join(version(), 'adapter.gguf'), 1000);
    await refused('adapter-damaged', /adapter.gguf has 1000 bytes instead of \d+/);
  });
  it('a missing file', async () => {
    await rm(join(version(), 'adapter.gguf'));
    await refused('not-published', /no adapter.gguf of demo version 1/);
  });
  it.each(['../../evil.sh', '/etc/evil', 'a/b', 'C:\\evil', '..', '.hidden', ''])(
    'a file named "%s"',
    async (path) => {
      await tamper(version(), ({ files }) => (files[0]!.path = path));
      await refused('adapter-damaged', /names a file .*, which is no plain name/);
    },
  );
  it('a manifest that is not one', async () => {
    await writeFile(join(version(), 'manifest.json'), '{"format": 1');
    await refused('adapter-damaged', /manifest.json can't be read/);
  });
  it.each([
    ['[]', /: manifest.json is not as it should be\.$/],
    ['7', /: manifest.json is not as it should be\.$/],
    ['null', /: manifest.json is not as it should be\.$/],
    ['{"format":1}', /: manifest.json is not as it should be at "name"\.$/],
    [`{"format":1,"files":[{"path":${'['.repeat(1e5)}${']'.repeat(1e5)}}]}`, /it should be at "name"\.$/],
  ])('a manifest that is %.20s', async (text, words) => {
    await writeFile(join(version(), 'manifest.json'), text);
    await refused('adapter-damaged', words);
  });
  it('a run.json that is an array', async () => {
    await replaceFile(version(), 'run.json', '[]');
    await refused('adapter-damaged', /: run.json is not as it should be\.$/);
  });
  it('a file name that is not a string, or a long one', async () => {
    await tamper(version(), ({ files }) => (files[0]!.path = ['a'] as unknown as string));
    await refused('adapter-damaged', /: it names a file, which is no plain name\.$/);
    await tamper(version(), ({ files }) => (files[0]!.path = '/'.repeat(1e5)));
    await refused('adapter-damaged', /^.{100,300}$/);
  });
  it.each(['CON', 'nul.json', 'LPT1', 'ends.'])('a file named like a Windows device, %s', async (path) => {
    await tamper(version(), ({ files }) => (files[0]!.path = path));
    await refused('adapter-damaged', /which is no plain name/);
  });
  it('two names that differ only in case', async () => {
    await tamper(version(), ({ files }) => files.push({ ...files[0]!, path: 'ADAPTER.gguf' }));
    await refused('adapter-damaged', /names the file adapter.gguf twice/);
  });
  it('settings too large for any run', async () => {
    await tamper(version(), ({ files }) => (files.find(({ path }) => path === 'run.json')!.bytes = 2e9));
    await refused('adapter-damaged', /its run.json has 2000000000 bytes, more than the 1048576/);
  });
  it.each([
    ['not a number', NaN, 'not finite'],
    ['infinite', -Infinity, 'not finite'],
    ['as large as possible', 3e38, 'too large for any model'],
  ])('a weight that is %s', async (_, value, why) => {
    const path = join(version(), 'adapter.gguf');
    const { layers, ...rest } = await readAdapterGguf(path);
    layers.at(-1)!.b[5] = value;
    await exportAdapterGguf(path, { ...rest, layers });
    await replaceFile(version(), 'adapter.gguf', await readFile(path));
    await refused('adapter-damaged', new RegExp(`has values of "blk.*" that are ${why}`));
  });
  it.each([1e300, 1e-300, 3])("an alpha of %d that is not its adapter's", async (alpha) => {
    const { spec } = await readRun(dir);
    const claims = { ...spec, hyper: { ...spec.hyper, alpha } };
    await replaceFile(version(), 'run.json', JSON.stringify(claims));
    await refused('adapter-damaged', /settings are not those of its adapter/);
  });
  it('curves of other weights', async () => {
    await tamper(version(), (manifest) => (manifest['step'] = 23));
    const { spec } = await readRun(dir);
    const best = { type: 'best', time: '', step: 24, why: 'x' };
    const path = join(version(), 'events.jsonl');
    await replaceFile(version(), 'events.jsonl', `${await readFile(path, 'utf8')}${JSON.stringify(best)}\n`);
    const evaluation = { ...spec.evaluation, keep: 'best' };
    await replaceFile(version(), 'run.json', JSON.stringify({ ...spec, evaluation }));
    await refused('adapter-damaged', /its events are about weights of another step/);
  });
  it("another adapter's manifest", async () => {
    await tamper(version(), (manifest) => (manifest['name'] = 'other'));
    await refused('adapter-damaged', /says that it is other version 1/);
  });
  it('a checksum other than the expected one', () =>
    refused('adapter-mismatch', /another checksum/, { sha256: 'ab'.repeat(32) }));
  it('a newer format', async () => {
    await tamper(version(), (manifest) => (manifest['format'] = 2));
    await refused('run-newer', /newer version \(format 2/);
  });
  it('a version that does not exist', () =>
    refused('not-published', /no version 7 of "demo"; it has 1/, { version: 7 }));
  it("settings that are not the adapter's", async () => {
    const spec = JSON.parse(await readFile(join(version(), 'run.json'), 'utf8')) as {
      hyper: { rank: number };
    };
    spec.hyper.rank = 4;
    await replaceFile(version(), 'run.json', JSON.stringify(spec));
    await refused('adapter-damaged', /settings are not those of its adapter/);
  });
  it.each(['\\u001b[2J', '\\u202e', '\u202e', '\u009b2J', '\u200b'])(
    'a text that a terminal would interpret, or that is invisible: %j',
    async (hostile) => {
      const path = join(version(), 'summary.json');
      await replaceFile(
        version(),
        'summary.json',
        (await readFile(path, 'utf8')).replaceAll('16 windows', hostile),
      );
      await refused('adapter-damaged', /a text in it has characters that no text has/);
    },
  );
  it.each(['only\u202e.yad', 'a\nb', 'a\u200bb'])('a licence such as %j', async (licence) => {
    await tamper(version(), (manifest) => (manifest['licence'] = licence));
    await refused('adapter-damaged', /manifest.json is not as it should be at "licence"/);
  });
  it('a file that is not an adapter', async () => {
    await replaceFile(version(), 'adapter.gguf', 'MZ');
    desk.switchTo('bob');
    await expect(desk.fetch(store, { name: 'demo' })).rejects.toMatchObject({
      code: expect.stringMatching(/^(adapter|base)-/) as string,
    });
    expect(await listRuns()).toEqual([]);
  });
  it('another base', async () => {
    await writeTinyModel(desk.at('other.gguf'), { seed: 2 });
    const right = desk.base;
    desk.base = { id: 'other', ...(await examine(desk.at('other.gguf'))) };
    try {
      await refused(
        'adapter-mismatch',
        /was trained on tiny \(sha256 \w{12}\), and .*other.gguf is another base/,
      );
    } finally {
      desk.base = right;
    }
  });
});

describe('nothing is published', () => {
  it('with a secret in it', async () => {
    const secret = Object.values(planted).find((text) => text.includes('ghp_'))!;
    const licence = secret.replace(/\s+/g, ' ').slice(0, 400);
    await expect(desk.publish(dir, store, { licence })).rejects.toMatchObject({ code: 'secret-found' });
    expect(await store.names()).toEqual([]);
  });
  it.each([['../up'], ['a b'], ['']])('under the name "%s"', (name) =>
    expect(desk.publish(dir, store, { name, version: 1 })).rejects.toMatchObject({ code: 'bad-argument' }),
  );
  it('to an invalid place', async () => {
    for (const place of ['ftp://x/y', 'hub:name', 'hub:a/b/c', 's3://'])
      await expect(openStore(place)).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

it('a name is derived from the name of the run', () => {
  expect(sharedName('My parser (v2)')).toBe('My-parser-v2');
  expect(sharedName('../..')).toBe('adapter');
});
