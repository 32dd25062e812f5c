/** Which server completes, what it has been offered when a request comes, and what is shown if it fails. */
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { fetchedPackage, gpuKindsHere, gpuPackages } from '../../../src/packages/gpu-packages.ts';
import { referenceAdapters } from '../../../src/base-models/reference-adapters.ts';
import { modelFromBase, modelFromRun } from '../../../src/extension/completion/completion-model.ts';
import { CompletionService } from '../../../src/extension/completion/completion-service.ts';
import { TURN_MS } from '../../../src/findings/by-turns.ts';
import { IndexerClient } from '../../../src/extension/completion/indexer-client.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { ServingClient } from '../../../src/serving/client/client.ts';
import { UserError } from '../../../src/text/errors.ts';
import { makeRun } from '../webview/fixtures.ts';
import * as editor from './fake-vscode.ts';
import { choiceAt } from '../../support/choice.ts';

const focus = vi.hoisted(() => ({ gained: (() => undefined) as (state: { focused: boolean }) => void }));
vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  const on = () => ({ dispose: () => undefined });
  return {
    ...fake,
    commands: { ...fake.commands, registerCommand: on },
    languages: { registerInlineCompletionItemProvider: on },
    window: {
      ...fake.window,
      onDidChangeTextEditorSelection: on,
      onDidChangeWindowState: (listener: typeof focus.gained) => {
        focus.gained = listener;
        return on();
      },
      setStatusBarMessage: (text: string) => fake.shown.push(text),
    },
    workspace: {
      ...fake.workspace,
      textDocuments: [],
      onDidChangeTextDocument: on,
      onDidCloseTextDocument: on,
      onDidOpenTextDocument: on,
      onDidGrantWorkspaceTrust: on,
    },
  };
});

/** A server that handles requests for an adapter only once a text's tokens are counted, and rejects unknown models. */
const SERVER = `
  import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:http';
  const file = process.argv[process.argv.indexOf('--announce') + 1];
  const token = process.env.FORGET_ME_NOT_TOKEN;
  const models = ['base'];
  let loading = [];
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== 'Bearer ' + token) return response.writeHead(401).end('{}');
    if (request.url === '/lease') {
      response.write(JSON.stringify(ready) + '\\n');
      return response.on('close', () => process.exit(0));
    }
    let body = '';
    for await (const part of request) body += part;
    const { lora_name: name, model = name } = JSON.parse(body);
    appendFileSync(HEARD, [request.url, model].join(' ') + '\\n');
    if (name) return loading.push(() => (models.push(name), response.end('Success')));
    if (request.url === '/tokenize') {
      for (const load of loading.splice(0)) load();
      return response.end('{"tokens":[]}');
    }
    if (!models.includes(model)) return response.writeHead(404).end('{"error":{"message":"There is no such model."}}');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end('data: {"choices":[{"text":"of ' + model + '"}]}\\n\\ndata: [DONE]\\n\\n');
  });
  let ready;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    const device = { backend: 'cpu', devices: [], layers: 0, ofLayers: 1, threads: 1 };
    ready = { type: 'ready', port, models, fillInTheMiddle: false, device };
    writeFileSync(file + '.tmp', JSON.stringify({ version: 1, pid: process.pid, port, token }), { mode: 0o600 });
    renameSync(file + '.tmp', file);
    console.log(JSON.stringify(ready));
  });`;

let dir: string;
let logged: string[];
/** The messages with their buttons. */
let notified: string[];
/** The runs on the disk, and what is told when they have changed. */
let runs: Map<string, RunSnapshot>;
let unreadable: string;
let runsChanged: () => void;
let service: CompletionService;
let store: {
  inUse?: string;
  baseInUse?: object;
  unreportedRuns: string[];
  comparing?: number | undefined;
  comparisons: number[];
  addComparison: (seed: number) => Promise<void>;
  setComparing: (seed: number | undefined) => Promise<void>;
  setInUse: (model: string, base?: object) => Promise<void>;
  count: () => Promise<void>;
  snoozedUntil: number;
  setSnoozedUntil: (time: number | undefined) => Promise<void>;
};
const at = (name: string) => join(dir, name);

beforeEach(() => {
  editor.reset();
  logged = [];
  notified = [];
  runs = new Map();
  unreadable = '';
  store = {
    unreportedRuns: [],
    comparisons: [],
    addComparison: (seed) => Promise.resolve(void store.comparisons.push(seed)),
    setComparing: (seed) => Promise.resolve(void (store.comparing = seed)),
    setInUse(model, base) {
      Object.assign(store, { inUse: model, ...(base && { baseInUse: base }) });
      return Promise.resolve();
    },
    count: () => Promise.resolve(),
    snoozedUntil: 0,
    setSnoozedUntil(time) {
      store.snoozedUntil = time ?? 0;
      return Promise.resolve();
    },
  };
  dir = mkdtempSync(join(tmpdir(), 'fmn-completion-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', dir);
  writeFileSync(at('base.gguf'), 'GGUF');
  writeFileSync(at('server.mjs'), SERVER.replaceAll('HEARD', JSON.stringify(at('heard'))));
  service = newService();
});
const newService = () =>
  new CompletionService({
    bundle: at,
    node: () => Promise.resolve({ command: process.execPath, env: {} }),
    extension: { extensionPath: dir, extension: { id: 'publisher.name' } },
    runs: {
      isMissing: (id: string) => !runs.has(id) && id !== unreadable,
      get: (id: string) => runs.get(id),
      statusOf: () => 'done',
      onDidChange: (listener: () => void) => ((runsChanged = listener), { dispose: () => undefined }),
    },
    store,
    log: {
      info: () => undefined,
      warn: (line: string) => logged.push(line),
      notify: (_: string, message: string, ...buttons: { title: string }[]) =>
        notified.push(`${message} [${buttons.map(({ title }) => title).join(', ')}]`),
    },
  } as never);
afterEach(async () => {
  await service.dispose();
  vi.unstubAllEnvs();
  // The server may still be recording that the client left.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

const base = () => ({ id: 'base', path: at('base.gguf'), sha256: 'ab'.repeat(32) });
function run(id: string) {
  const made = makeRun({ id });
  return modelFromRun({ ...made, spec: { ...made.spec, base: base() } });
}
const received = () => readFileSync(at('heard'), 'utf8').trim().split('\n');
const ask = (model: ReturnType<typeof run>) =>
  service
    .serving(model)
    .stream({ model: model.requested, prompt: 'a', max_tokens: 1 } as never, () => undefined)
    .then(({ text }) => text);

test('after a switch, requests wait until the server has the adapter, which is offered once', async () => {
  expect(await ask(modelFromBase(base()))).toBe('of base');
  const keys = [ask(run('garden')), ask(run('garden'))];
  await expect.poll(received).toContain('/v1/load_lora_adapter garden');
  const serving = service.serving(run('garden'));
  expect(serving).toBeInstanceOf(ServingClient);
  // Another model does not wait.
  expect(await ask(modelFromBase(base()))).toBe('of base');
  await (serving as ServingClient).countTokens('go on');
  expect(await Promise.all(keys)).toEqual(['of garden', 'of garden']);
  expect(received().filter((line) => line.includes('garden'))).toEqual([
    '/v1/load_lora_adapter garden',
    ...Array<string>(2).fill('/v1/completions garden'),
  ]);
});

test('a base completes with its reference adapter, or says that it is damaged and completes without', async () => {
  const [{ base: sha256, file }] = referenceAdapters as [(typeof referenceAdapters)[number]];
  const known = { ...base(), sha256 };
  const alone = await service.untrained(known);
  expect(alone).toMatchObject({ requested: 'base', reference: undefined });
  expect(await ask(alone as ReturnType<typeof run>)).toBe('of base');
  expect(logged).toEqual([expect.stringContaining('completes without its reference adapter')]);
  mkdirSync(at('media/reference'), { recursive: true });
  copyFileSync(join('media/reference', file), at(`media/reference/${file}`));
  const model = (await service.untrained(known)) as ReturnType<typeof run>;
  const answer = ask(model);
  await expect.poll(received).toContain('/v1/load_lora_adapter reference');
  await (service.serving(model) as ServingClient).countTokens('go on');
  expect(await answer).toBe('of reference');
  expect(await service.untrained(base())).toMatchObject({ requested: 'base' });
});

test('another data directory or another Node means another server', () => {
  const of = () => service.serverOptions(run('garden'));
  const before = of();
  expect(of().serves).toBe(before.serves);
  vi.stubEnv('FORGET_ME_NOT_HOME', at('other'));
  const moved = of();
  expect(moved.serves).not.toBe(before.serves);
  editor.configured['nodePath'] = '/opt/node';
  expect(of().serves).not.toBe(moved.serves);
  // Otherwise the new client would find the old server.
  expect(of().options.environment).not.toBe(moved.options.environment);
});

test('a base that has gone is noticed at the next focus or failure: no key waits for the disk', async () => {
  store.inUse = 'base:base';
  store.baseInUse = base();
  await service.dispose();
  service = newService();
  const inUse = () => service.inUse?.id;
  await expect.poll(inUse).toBe('base:base');
  rmSync(at('base.gguf'));
  expect(inUse()).toBe('base:base');
  expect(service.whyGone).toBeUndefined();
  focus.gained({ focused: true });
  await expect.poll(inUse).toBeUndefined();
  expect(service.whyGone?.message).toBe(`${at('base.gguf')} is no longer there.`);
  writeFileSync(at('base.gguf'), 'GGUF');
  expect(inUse()).toBeUndefined();
  service.failed(new Error('gone'));
  await expect.poll(inUse).toBe('base:base');
});

const served = { meanKl: 0, limit: 0.01, tokens: 96, ok: true };
const better = () => {
  const made = makeRun({ id: 'garden', name: 'Garden' });
  const spec = { ...made.spec, base: base() };
  return { ...made, spec, summary: { ...made.summary!, served, refused: undefined } };
};
/** As measured by another window or in a terminal. */
test('that the base of the run in use has gone is noticed and said, not only that completion failed', async () => {
  const made = better();
  runs.set('garden', { ...made, spec: { ...made.spec, base: base() } });
  store.inUse = 'garden';
  // Completed without training, earlier.
  store.baseInUse = { ...base(), id: 'other', path: at('other.gguf') };
  runsChanged();
  const inUse = () => service.inUse?.id;
  await service.lookAgain();
  expect(inUse()).toBe('garden');
  rmSync(at('base.gguf'));
  service.failed(new UserError('base-not-found', 'The base is gone.', 'Fetch it.'));
  expect(service.failure).toBe('The base is gone.');
  await expect.poll(inUse).toBeUndefined();
  const why = `${at('base.gguf')} is no longer there.`;
  expect(service.whyGone?.message).toBe(why);
  runsChanged();
  expect(notified).toEqual([
    `Garden no longer completes your code. ${why} Choose another model. [Switch Adapter, Show Results]`,
  ]);
});

test('a run whose base is back completes as soon as it is chosen again', async () => {
  runs.set('garden', better());
  store.inUse = 'garden';
  rmSync(at('base.gguf'));
  await service.lookAgain();
  expect(service.inUse).toBeUndefined();
  const other = { ...base(), id: 'other', path: at('other.gguf') };
  writeFileSync(other.path, 'GGUF');
  await service.choose(modelFromBase(other));
  writeFileSync(at('base.gguf'), 'GGUF');
  await service.choose(run('garden'));
  expect(service.inUse?.id).toBe('garden');
});

const worse = () => {
  const made = better();
  const choice = choiceAt(0, 'nothing is better');
  return { ...made, summary: { ...made.summary, choice } };
};

test.each([
  ['deleted', () => runs.clear(), 'There is no run garden. Choose another model. [Switch Adapter]'],
  [
    'found to be no better',
    () => runs.set('garden', worse()),
    'Garden completes code no better than before training, so it is not offered for completion: nothing is better. To use it all the same, set a lower strength in its results. [Switch Adapter, Show Results]',
  ],
])('that the run in use was %s elsewhere is said once', (_, change, why) => {
  runs.set('garden', better());
  store.inUse = 'garden';
  runsChanged();
  expect(service.localModel?.id).toBe('garden');
  expect(notified).toEqual([]);
  change();
  for (let times = 0; times < 3; times += 1) runsChanged();
  expect(service.inUse).toBeUndefined();
  expect(notified).toEqual([`Garden no longer completes your code. ${why}`]);
});

test.each([
  ['its strength is being checked', () => runs.set('garden', { ...better(), summary: undefined })],
  ['its files can not be read now', () => ((unreadable = 'garden'), runs.clear())],
  ['completion is off', () => ((editor.configured['completion.enabled'] = false), runs.clear())],
  ['the message at its end will say so', () => (store.unreportedRuns.push('garden'), runs.clear())],
  ['another one was chosen', () => ((store.inUse = 'other'), runs.clear())],
])('nothing is said if %s', (_, change) => {
  runs.set('garden', better());
  store.inUse = 'garden';
  runsChanged();
  change();
  runsChanged();
  expect(service.inUse).toBeUndefined();
  expect(notified).toEqual([]);
});

test('by turns, the untrained model answers in the same server, and nothing that is shown tells', async () => {
  runs.set('garden', better());
  store.inUse = 'garden';
  runsChanged();
  mkdirSync(at('runs/garden'), { recursive: true });
  await service.turns.begin(100);
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const asked = new Set<string>();
  for (let turn = 0; turn < 4; turn += 1) {
    vi.setSystemTime(turn * TURN_MS);
    const model = service.modelFor({ uri: { path: '/a.ts' } } as never) as ReturnType<typeof run>;
    asked.add(model.requested);
    expect(service.serverOptions(model).serves).toBe(service.serverOptions(service.localModel!).serves);
    service.answered(20, 'unsure');
    const { latencyMs, dropped } = service.answers;
    expect([service.inUse?.id, latencyMs, dropped]).toEqual(['garden', undefined, undefined]);
  }
  expect([...asked].sort()).toEqual(['base', 'garden']);
});

test.each([
  ['helps', 'Garden keeps 18% more [6, 31] than base. It stays in use. [Show Results]', 'garden'],
  [
    'useless',
    'Garden keeps 18% more [6, 31] than base. So base completes your code from now on. [Use Garden Again, Show Results]',
    'base:base',
  ],
])('the end of a comparison by turns is said once: it %s', async (verdict, said, inUse) => {
  runs.set('garden', better());
  store.inUse = 'garden';
  runsChanged();
  mkdirSync(at('runs/garden'), { recursive: true });
  await service.turns.begin(100);
  // Another window has counted the rest.
  const line = { type: 'ended', seed: store.comparing, at: new Date().toISOString(), verdict };
  const gain = { value: 0.18, low: 0.06, high: 0.31 };
  appendFileSync(at('runs/garden/by-turns.jsonl'), `${JSON.stringify({ ...line, gain })}\n`);
  for (let times = 0; times < 2; times += 1) await service.turns.refresh();
  expect(notified).toEqual([said]);
  expect(store.inUse).toBe(inUse);
});

test('choosing another model ends a comparison by turns', async () => {
  runs.set('garden', better());
  store.inUse = 'garden';
  runsChanged();
  mkdirSync(at('runs/garden'), { recursive: true });
  await service.turns.begin(100);
  await service.use(modelFromBase(base()));
  expect(service.turns.compared).toBeUndefined();
  expect(readFileSync(at('runs/garden/by-turns.jsonl'), 'utf8')).toContain('"ended"');
});

test('a snooze is still on after a reload', async () => {
  await service.snooze.set(5);
  const { until } = service.snooze;
  expect(until).toBeDefined();
  await service.dispose();
  service = newService();
  expect(service.snooze.until).toEqual(until);
});

test('builds for GPUs are looked for when one may have been installed, not at each request', async () => {
  await service.lookAgain();
  for (const one of gpuKindsHere().flatMap((kind) => gpuPackages(kind)))
    mkdirSync(fetchedPackage(one), { recursive: true });
  const environment = () => service.serverOptions(run('garden')).options.environment;
  expect(environment()).toBe('');
  await service.lookAgain();
  expect(environment()).toBe(gpuKindsHere().join());
});

test('a remote server takes over from the local one before the first request', async () => {
  const here = modelFromBase(base());
  expect(await ask(here)).toBe('of base');
  expect(service.isServedLocally(here)).toBe(true);
  const stopIndex = vi.spyOn(IndexerClient.prototype, 'stop');
  onTestFinished(() => stopIndex.mockRestore());
  editor.inspected['completion.endpoint'] = { globalValue: 'http://127.0.0.1:9/v1' };
  service.settingsChanged();
  expect(service.isServedLocally(here)).toBe(false);
  // It gets nothing of the index.
  expect(stopIndex).toHaveBeenCalled();
});

test('each outage is reported once, and is known until the next answer', () => {
  const fail = () => service.failed(new Error('gone'));
  for (let key = 0; key < 3; key += 1) fail();
  expect(editor.shown).toHaveLength(1);
  expect(logged).toHaveLength(3);
  expect(service.failure).toBe('completion failed, see the log');
  service.answered(20);
  expect(service.failure).toBeUndefined();
  fail();
  expect(editor.shown).toHaveLength(2);
});
