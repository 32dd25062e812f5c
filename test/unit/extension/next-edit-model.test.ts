/** Next edits from a model, over a connection to a server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import { modelForNextEdits } from '../../../src/extension/next-edit/next-edit-model.ts';
import type { FoundOffer } from '../../../src/next-edit-finder/finder.ts';
import { Rewriter } from '../../../src/next-edit-finder/rewriter.ts';
import type { Asking } from '../../../src/next-edit-finder/ask-model.ts';
import { candidatesIn } from '../../../src/next-edit/index.ts';
import { ServingClient } from '../../../src/serving/client/client.ts';
import { makeRun } from '../webview/fixtures.ts';
import { configured } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

/** Waits for what the server process does asynchronously. */
const patient = { timeout: 30_000 };
const languageId = 'typescript';
const path = 'file:///w/a.ts';
const text = 'const a = await load("a");\nconst b = load("b");\nconst c = load("c");\n';
const edit = {
  path,
  languageId,
  at: 0,
  time: 1,
  before: 'const a = load("a");',
  after: text.split('\n')[0]!,
};
const candidates = candidatesIn([edit], [{ path, languageId, text }], { path, place: 0 });

/**
 * A server that answers with the test's text. Its chunks have the real server's form: text and confidence in a
 * completion, a delta in a chat. It records its requests, and which clients left early.
 */
const SERVER = `
  import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:http';
  const file = process.argv[process.argv.indexOf('--announce') + 1];
  const token = process.env.FORGET_ME_NOT_TOKEN;
  const note = (what) => appendFileSync(HEARD, JSON.stringify(what) + '\\n');
  let ready;
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== 'Bearer ' + token) return response.writeHead(401).end('{}');
    if (request.url === '/lease') {
      response.write(JSON.stringify(ready) + '\\n');
      return response.on('close', () => process.exit(0));
    }
    let body = '';
    for await (const part of request) body += part;
    note([request.url, JSON.parse(body)]);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.on('close', () => response.writableFinished || note('left'));
    const says = JSON.parse(readFileSync(SAYS, 'utf8'));
    for (const [piece, confidence] of says[request.url.includes('chat') ? 'chat' : 'text']) {
      const sure = typeof confidence === 'number' && { confidence };
      const choice = request.url.includes('chat') ? { delta: { content: piece } } : { text: piece };
      response.write('data: ' + JSON.stringify({ choices: [{ index: 0, finish_reason: null, ...choice, ...sure }] }) + '\\n\\n');
      if (confidence === 'wait') return;
    }
    response.end('data: [DONE]\\n\\n');
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    ready = { type: 'ready', port, models: ['base'], fillInTheMiddle: false };
    writeFileSync(file + '.tmp', JSON.stringify({ version: 1, pid: process.pid, started: new Date().toISOString(), port, token }), { mode: 0o600 });
    renameSync(file + '.tmp', file);
    console.log(JSON.stringify(ready));
  });`;

let dir: string;
let serving: ServingClient;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-next-edit-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', dir);
  const quoted = (name: string) => JSON.stringify(join(dir, name));
  writeFileSync(
    join(dir, 'server.mjs'),
    SERVER.replace('HEARD', quoted('heard')).replace('SAYS', quoted('says')),
  );
  writeFileSync(join(dir, 'heard'), '');
  serving = new ServingClient({
    node: () => ({ command: process.execPath, env: {} }),
    script: join(dir, 'server.mjs'),
    base: join(dir, 'base.gguf'),
  });
});
afterEach(async () => {
  await serving.dispose();
  vi.unstubAllEnvs();
  // The server may still be recording that the client left.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

type Pieces = (readonly [string, unknown?])[];
/** `chat`: the answer in a chat, if different. */
const setAnswer = (text: Pieces, chat = text) =>
  writeFileSync(join(dir, 'says'), JSON.stringify({ text, chat }));
const received = () =>
  readFileSync(join(dir, 'heard'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as [string, Record<string, unknown>] | 'left');

function rewriter(asking: Asking, more: { busy?: () => boolean } = {}) {
  const offers: FoundOffer[] = [];
  const failures: unknown[] = [];
  const made = new Rewriter({
    modelFor: () => ({ serving, model: 'mine', asking }),
    isBusy: more.busy ?? (() => false),
    nameOf: () => 'a.ts',
    offer: (offer) => offers.push(offer),
    failed: (error) => failures.push(error),
    restMs: 1,
  });
  return { offers, failures, made };
}

it('a model continues the diff; a confident answer is offered with its line', async () => {
  setAnswer([
    ['const b = await ', -0.02],
    ['load("b");', -0.02],
  ]);
  const { offers, failures, made } = rewriter('diff');
  made.schedule(candidates.slice(0, 1));
  await vi.waitFor(() => expect(offers).toHaveLength(1), patient);
  expect(failures).toEqual([]);
  const at = text.indexOf('load("b")');
  expect(offers[0]).toMatchObject({
    path,
    line: 1,
    from: text.indexOf('const b'),
    before: 'const b = load("b");',
    after: 'const b = await load("b");',
    shown: [{ start: at, end: at, text: 'await ' }],
  });
  const [[route, request]] = received() as [[string, Record<string, unknown>]];
  expect(route).toBe('/v1/completions');
  expect(request).toMatchObject({ model: 'mine', stop: ['\n'], stream: true, confidence: true });
  expect(String(request['prompt'])).toContain('-const a = load("a");\n+const a = await load("a");\n');
  // The same place is not tried again.
  made.schedule(candidates.slice(0, 1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(received()).toHaveLength(1);
});

it('each place waits until the model is idle', async () => {
  setAnswer([['const b = await load("b");', -9]]);
  let refused = 0;
  const busy = () => received().length === 1 && (refused += 1) <= 2;
  rewriter('diff', { busy }).made.schedule(candidates);
  await vi.waitFor(() => expect(received()).toHaveLength(2), { timeout: 10_000 });
  expect(refused).toBe(3);
});

it('an uncertain answer, or another edit, is not offered, and the next place is tried', async () => {
  setAnswer([['const b = await load("b");', -9]]);
  const { offers, made } = rewriter('diff');
  made.schedule(candidates);
  await vi.waitFor(() => expect(received()).toHaveLength(2), patient);
  expect(offers).toEqual([]);
});

it('an adapter that learned the task gets its prompt, until the line is complete', async () => {
  setAnswer([
    ['```ts\n', -0.001],
    ['const b = await load("b");', -0.02],
    ['\n`', 'wait'],
  ]);
  const { offers, failures, made } = rewriter('task');
  made.schedule(candidates.slice(0, 1));
  await vi.waitFor(() => expect(offers).toHaveLength(1), patient);
  expect(failures).toEqual([]);
  expect(offers[0]!.after).toBe('const b = await load("b");');
  await vi.waitFor(() => expect(received().at(-1)).toBe('left'), patient);
  const [[route, request]] = received() as [[string, Record<string, unknown>]];
  expect(route).toBe('/v1/chat/completions');
  expect(request).toMatchObject({ model: 'mine', temperature: 0, confidence: true });
});

it('an uncertain answer to the task is not offered', async () => {
  setAnswer([
    ['```ts\n', -0.001],
    ['const b = await load("b");\n', -9],
  ]);
  const { offers, made } = rewriter('task');
  made.schedule(candidates);
  await vi.waitFor(() => expect(received().filter((request) => request !== 'left')).toHaveLength(2), patient);
  expect(offers).toEqual([]);
});

it('an adapter that leaves the line but is uncertain is then asked for the edit by a diff', async () => {
  const keep = ['```ts\n', 'const b = load("b");', '\n'];
  setAnswer([['const b = await load("b");', -2]], [[keep[0]!, 0], [keep[1]!, Math.log(0.5)], [keep[2]!]]);
  const { offers, failures, made } = rewriter('task');
  made.schedule(candidates.slice(0, 1));
  await vi.waitFor(() => expect(offers).toHaveLength(1), patient);
  expect(failures).toEqual([]);
  expect(offers[0]!.after).toBe('const b = await load("b");');
  const routes = received().flatMap((request) => (request === 'left' ? [] : [request[0]]));
  expect(routes).toEqual(['/v1/chat/completions', '/v1/completions']);
});

it('an adapter that is certain to leave the line is not asked again', async () => {
  setAnswer(
    [['const b = await load("b");', 0]],
    [['```ts\n', 0], ['const b = load("b");', Math.log(0.9)], ['\n']],
  );
  const { offers, made } = rewriter('task');
  made.schedule(candidates);
  await vi.waitFor(() => expect(received().filter((request) => request !== 'left')).toHaveLength(2), patient);
  expect(offers).toEqual([]);
  expect(received().filter((request) => request !== 'left' && request[0] === '/v1/completions')).toEqual([]);
});

it('the next key stops it, and nothing is offered', async () => {
  setAnswer([['const b = await load("b");', 'wait']]);
  const { offers, failures, made } = rewriter('diff');
  made.schedule(candidates);
  await vi.waitFor(() => expect(received()).toHaveLength(1), patient);
  made.cancel();
  await vi.waitFor(() => expect(received().at(-1)).toBe('left'), patient);
  expect([offers, failures]).toEqual([[], []]);
});

it('waits while the model completes', async () => {
  setAnswer([['const b = await load("b");', 0]]);
  let busy = true;
  const { offers, made } = rewriter('diff', { busy: () => busy });
  made.schedule(candidates.slice(0, 1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(received()).toEqual([]);
  busy = false;
  await vi.waitFor(() => expect(offers).toHaveLength(1), patient);
});

it('the model used: by default one that learned edits, never a remote one or one that is not running', () => {
  const document = { uri: { path: '/w/a.ts' } } as vscode.TextDocument;
  const run = makeRun();
  const learned = (corpus: object) => ({ ...run, corpus: { ...run.corpus!, ...corpus } });
  const asked = (
    setting: string | undefined,
    corpus: object | undefined,
    { runs = true, there = true } = {},
  ) => {
    configured['nextEdit.model'] = setting;
    const model = there ? { requested: 'mine', ...(corpus && { run: learned(corpus) }) } : undefined;
    return modelForNextEdits(
      { modelFor: () => model as never, isServedLocally: () => runs, serving: () => serving },
      document,
    )?.asking;
  };
  const edits = { edits: 300 };
  expect(asked('tuned', edits)).toBe('task');
  expect(asked('on', edits)).toBe('task');
  expect(asked('on', undefined)).toBe('diff');
  for (const never of ['off', undefined]) expect(asked(never, edits)).toBeUndefined();
  expect(asked('tuned', undefined)).toBeUndefined();
  // A run that was to learn edits, in a folder with little history.
  expect(asked('tuned', { edits: 3 })).toBeUndefined();
  expect(asked('tuned', {})).toBeUndefined();
  expect(asked('on', { edits: 3 })).toBe('diff');
  expect(asked('on', edits, { runs: false })).toBeUndefined();
  expect(asked('on', edits, { there: false })).toBeUndefined();
});
