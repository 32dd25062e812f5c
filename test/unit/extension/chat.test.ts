/** Results and bases as models of the editor's chat. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { ChatRequestMessage } from '../../../src/extension/chat/chat-api.ts';
import { ChatModels, offerChatModels } from '../../../src/extension/chat/chat-provider.ts';
import { chatModels } from '../../../src/extension/chat/chat-models.ts';
import type { ServicesWithCompletion } from '../../../src/extension/completion/completion-service.ts';
import type { ServingClient } from '../../../src/serving/client/client.ts';
import { makeRun } from '../webview/fixtures.ts';
import * as editor from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
const disk = vi.hoisted(() => ({ reads: 0, hangs: false }));
vi.mock('../../../src/base-models/chat-facts.ts', async (original) => {
  const { chatFacts } = await original<{ chatFacts: (path: string) => unknown }>();
  return {
    chatFacts: (path: string) => {
      disk.reads += 1;
      return disk.hangs ? new Promise(() => undefined) : chatFacts(path);
    },
  };
});

let dir: string;
const at = (name: string) => join(dir, name);
const open: { dispose(): void }[] = [];
let logged: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-chat-'));
  logged = [];
  vi.stubEnv('FORGET_ME_NOT_HOME', dir);
  writeFileSync(at('instruct.gguf'), `GGUF${'x'.repeat(3_000_000)}tokenizer.chat_template`);
  writeFileSync(at('plain.gguf'), 'GGUF general.name');
});
afterEach(() => {
  for (const disposable of open.splice(0)) disposable.dispose();
  vi.unstubAllEnvs();
  // The server may still be recording that the client left.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

const baseAt = (name: string) => ({ id: name, path: at(`${name}.gguf`), sha256: 'ab'.repeat(32) });
const runOn = (name: string, id: string, { checked = true } = {}) => {
  const run = makeRun();
  const summary = checked ? { ...run.summary!, served: { ok: true, meanKl: 0 } } : undefined;
  return { ...run, summary, spec: { ...run.spec, id, name: id, base: baseAt(name) } };
};

/** A server that repeats its question, in pieces; it counts one token per word. */
const SERVER = `
  import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:http';
  const file = process.argv[process.argv.indexOf('--announce') + 1];
  const token = process.env.FORGET_ME_NOT_TOKEN;
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== 'Bearer ' + token) return response.writeHead(401).end('{}');
    if (request.url === '/lease') {
      response.write(JSON.stringify(ready) + '\\n');
      return response.on('close', () => process.exit(0));
    }
    let body = '';
    for await (const part of request) body += part;
    const asked = JSON.parse(body);
    appendFileSync(HEARD, JSON.stringify([request.url, asked]) + '\\n');
    if (request.url === '/tokenize') return response.end(JSON.stringify({ tokens: asked.content.split(' ').map(() => 1) }));
    if (request.url !== '/v1/chat/completions') return response.end('{}');
    if (asked.messages[0].content === 'long')
      return response.writeHead(400).end(JSON.stringify({ error: { message: 'The chat has 9 tokens.', code: 'context_length_exceeded' } }));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (delta) => response.write('data: ' + JSON.stringify({ choices: [{ index: 0, delta }] }) + '\\n\\n');
    say({ role: 'assistant', content: '' });
    say({ content: 'one ' });
    if (asked.messages[0].content === 'break') return response.end('data: what?\\n\\n');
    if (asked.messages[0].content === 'wait') return response.on('close', () => appendFileSync(HEARD, '"left"\\n'));
    say({ content: 'two' });
    response.end('data: [DONE]\\n\\n');
  });
  let ready;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    const device = { backend: 'cpu', devices: [], layers: 0, ofLayers: 1, threads: 1 };
    ready = { type: 'ready', port, models: ['base'], fillInTheMiddle: false, device };
    writeFileSync(file + '.tmp', JSON.stringify({ version: 1, pid: process.pid, port, token }), { mode: 0o600 });
    renameSync(file + '.tmp', file);
    console.log(JSON.stringify(ready));
  });`;

function services(runs: ReturnType<typeof runOn>[], baseInUse?: ReturnType<typeof baseAt>) {
  writeFileSync(at('server.mjs'), SERVER.replaceAll('HEARD', JSON.stringify(at('heard'))));
  const listeners = { onDidChange: () => ({ dispose: () => undefined }) };
  return {
    runs: { all: runs, statusOf: () => 'done', ...listeners },
    store: { baseInUse },
    log: { warn: (line: string) => logged.push(line) },
    completion: {
      ...listeners,
      serverOptions: ({ base }: { base: { path: string } }) => ({
        serves: base.path,
        options: {
          node: () => ({ command: process.execPath, env: {} }),
          script: at('server.mjs'),
          base: base.path,
          args: ['--gpu', 'off'],
        },
      }),
    },
  } as unknown as ServicesWithCompletion;
}

const chatMessage = (text: string, role = 1): ChatRequestMessage => ({
  role,
  content: [new editor.LanguageModelTextPart(text)],
});
const received = () =>
  readFileSync(at('heard'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, Record<string, unknown>]);

/** A user's request, and a way to cancel it. */
function asking() {
  const listeners: (() => void)[] = [];
  const token = {
    isCancellationRequested: false,
    onCancellationRequested: (listener: () => void) => {
      listeners.push(listener);
      return { dispose: () => undefined };
    },
  };
  const cancel = () => {
    token.isCancellationRequested = true;
    for (const listener of listeners) listener();
  };
  return { token: token as unknown as vscode.CancellationToken, cancel };
}

function provider(...given: Parameters<typeof services>) {
  const models = new ChatModels(services(...given));
  open.push(models);
  const answer = async (messages: ChatRequestMessage[], options: object = {}) => {
    const [information] = await models.provideLanguageModelChatInformation();
    const pieces: string[] = [];
    const progress = { report: ({ value }: { value: string }) => pieces.push(value) };
    const { token } = asking();
    await models.provideLanguageModelChatResponse(information!, messages, options, progress, token);
    return pieces;
  };
  return { models, answer };
}

test('checked results and their bases are offered, if the base was trained to chat', async () => {
  const runs = [
    runOn('instruct', 'garden'),
    runOn('instruct', 'unchecked', { checked: false }),
    runOn('plain', 'other'),
    runOn('deleted', 'gone'),
  ];
  const found = await chatModels(services(runs, baseAt('instruct')));
  expect(
    found.map(({ information: { id, family, maxInputTokens } }) => [id, family, maxInputTokens]),
  ).toEqual([
    // Including what the chat reserves for its tools.
    ['garden', 'instruct', 3072 + 6000],
    ['base:instruct', 'instruct', 3072 + 6000],
  ]);
  // Without tools, none of the chat's modes shows it.
  expect(found[0]!.information.capabilities).toEqual({ imageInput: false, toolCalling: true });
  // The model used for completion without any run.
  expect(await chatModels(services([], baseAt('instruct')))).toHaveLength(1);
  expect(await chatModels(services([], baseAt('plain')))).toEqual([]);
});

test('a folder that hangs is read once, however often the list may have changed', () => {
  const { models } = provider([], baseAt('instruct'));
  Object.assign(disk, { reads: 0, hangs: true });
  for (let change = 0; change < 10; change += 1) void models.refresh();
  disk.hangs = false;
  expect(disk.reads).toBe(1);
});

test('results with the same name are distinguishable, and a group added by the user has none of its own', async () => {
  const twice = ['first', 'second'].map((id, hour) => {
    const run = runOn('instruct', id);
    return { ...run, spec: { ...run.spec, name: 'garden', createdAt: `2026-11-0${hour + 1}T08:00:00.000Z` } };
  });
  const { models } = provider([...twice, runOn('instruct', 'other')]);
  const information = await models.provideLanguageModelChatInformation();
  const details = information.map(({ detail }) => detail);
  expect(details.slice(0, 2).every((detail) => detail?.startsWith('instruct, '))).toBe(true);
  expect(new Set(details.slice(0, 2)).size).toBe(2);
  expect(details.slice(2)).toEqual(['instruct', 'not fine-tuned']);
  expect(await models.provideLanguageModelChatInformation({ silent: true, configuration: {} })).toEqual([]);
});

test('an answer is streamed by the adapter, and tokens are counted by the base', async () => {
  const { models, answer } = provider([runOn('instruct', 'garden')]);
  const messages = [
    chatMessage('Be short.', 3),
    chatMessage('What'),
    chatMessage('is it?'),
    chatMessage('A garden.', 2),
    chatMessage('Whose?'),
  ];
  expect(await answer(messages, { modelOptions: { temperature: 0 } })).toEqual(['one ', 'two']);
  const [information] = await models.provideLanguageModelChatInformation();
  expect(await models.provideTokenCount(information!, chatMessage('one two three'))).toBe(3);
  const asked = received().filter(([url]) => url !== '/v1/load_lora_adapter');
  expect(asked).toEqual([
    [
      '/v1/chat/completions',
      {
        model: 'garden',
        messages: [
          { role: 'system', content: 'Be short.' },
          { role: 'user', content: 'What\n\nis it?' },
          { role: 'assistant', content: 'A garden.' },
          { role: 'user', content: 'Whose?' },
        ],
        max_tokens: 1024,
        temperature: 0,
        stream: true,
      },
    ],
    ['/tokenize', { content: 'one two three' }],
  ]);
});

test('cancelling stops the server, and is not an error', async () => {
  const { models } = provider([runOn('instruct', 'garden')]);
  const [information] = await models.provideLanguageModelChatInformation();
  const { token, cancel } = asking();
  await models.provideLanguageModelChatResponse(
    information!,
    [chatMessage('wait')],
    {},
    { report: cancel },
    token,
  );
  await expect.poll(() => received().at(-1)).toBe('left');
});

test('another model can be asked during an answer, and takes over from one that has no answer yet', async () => {
  writeFileSync(at('second.gguf'), 'GGUF tokenizer.chat_template');
  const { models } = provider([runOn('instruct', 'garden'), runOn('second', 'shop')]);
  const information = await models.provideLanguageModelChatInformation();
  const [garden, shop] = ['garden', 'shop'].map((id) => information.find((info) => info.id === id)!);
  const { token, cancel } = asking();
  let onFirstPiece: () => void;
  const first = new Promise<void>((resolve) => (onFirstPiece = resolve));
  const progress = { report: () => onFirstPiece() };
  const answer = models.provideLanguageModelChatResponse(garden!, [chatMessage('wait')], {}, progress, token);
  await first;
  expect(await models.provideTokenCount(shop!, 'one two')).toBe(2);
  const clients = (models as unknown as { clients: Map<string, { serving: ServingClient }> }).clients;
  expect([...clients.keys()]).toEqual([at('instruct.gguf'), at('second.gguf')]);
  expect(clients.get(at('instruct.gguf'))!.serving.hasServer).toBe(true);
  cancel();
  await answer;
  await models.provideTokenCount(shop!, 'one');
  expect([...clients.keys()]).toEqual([at('second.gguf')]);
});

test('a message without text has no tokens, and starts no server', async () => {
  const { models } = provider([runOn('instruct', 'garden')]);
  const [information] = await models.provideLanguageModelChatInformation();
  const count = (text: string | ChatRequestMessage) => models.provideTokenCount(information!, text);
  const picture = { mimeType: 'image/png', data: new Uint8Array([1]) };
  expect(await count('')).toBe(0);
  expect(await count({ role: 1, content: [] })).toBe(0);
  expect(await count({ role: 1, content: [picture] })).toBe(0);
  // More than the server accepts in one request.
  expect(await count('one '.repeat(1_000_000))).toBe(Math.ceil(4_000_000 / 3));
  expect(existsSync(at('heard'))).toBe(false);
  expect(
    await count({
      role: 1,
      content: [...chatMessage('one ').content, picture, ...chatMessage('two').content],
    }),
  ).toBe(2);
});

test("a failure that is not the user's fault points to the log, which has the details", async () => {
  const { answer } = provider([runOn('instruct', 'garden')]);
  const broken = { role: 1, content: undefined } as never;
  const failed = await answer([broken]).catch((error: Error) => error.message);
  expect(failed).toMatch(/See the log for details\.$/);
  expect(failed).not.toContain('--verbose');
  expect(logged.join()).toMatch(/\[internal\]\n\w*Error: /);
});

test('an answer that ends in the middle is reported as such', async () => {
  const { answer } = provider([runOn('instruct', 'garden')]);
  await expect(answer([chatMessage('break')])).rejects.toThrow(
    'The completion server ended before the answer was complete. Ask again.',
  );
});

test('offered tools are left out, and earlier tool results become text', async () => {
  const { answer } = provider([runOn('instruct', 'garden')]);
  const result = new editor.LanguageModelToolResultPart('1', chatMessage('a.py').content as unknown[]);
  const messages = [
    chatMessage('List it.'),
    { role: 2, content: [{ callId: '1', name: 'list', input: {} }] },
    { role: 1, content: [result] },
  ];
  expect(await answer(messages, { tools: [{ name: 'edit' }], toolMode: 1 })).toEqual(['one ', 'two']);
  const [, asked] = received().find(([url]) => url === '/v1/chat/completions')!;
  expect(asked.messages).toEqual([{ role: 'user', content: 'List it.\n\na.py' }]);
  expect(asked).not.toHaveProperty('tools');
});

test('required tools, pictures and a chat that is too long are rejected in a sentence', async () => {
  const { answer } = provider([runOn('instruct', 'garden')]);
  const must = answer([chatMessage('hello')], { tools: [{ name: 'edit' }], toolMode: 2 });
  await expect(must).rejects.toThrow(
    "garden can't call tools. Ask without tools, or choose another model for this chat.",
  );
  // The chat would show the stack.
  expect(await must.catch((error: Error) => error.stack)).toBeUndefined();
  const picture = { mimeType: 'image/png', data: new Uint8Array([1]) };
  await expect(answer([{ role: 1, content: [picture] }])).rejects.toThrow('garden understands text only.');
  await expect(answer([chatMessage(''), { role: 2, content: [] }])).rejects.toThrow(
    'There is no text in this chat to answer. Write what you want to know, then send it again.',
  );
  await expect(answer([chatMessage('long')])).rejects.toThrow(
    'The chat is longer than what garden can read. Begin a new chat, or attach less.',
  );
  // Notes for providers, which are not pictures.
  const note = { mimeType: 'cache_control', data: new Uint8Array([1]) };
  expect(await answer([{ role: 1, content: [...chatMessage('hello').content, note] }])).toEqual([
    'one ',
    'two',
  ]);
});

test('an editor without the chat has no models, and nothing fails', () => {
  const given = services([]);
  open.push(offerChatModels(given));
  expect(editor.lm.registered).toEqual(['forget-me-not']);
  const register = editor.lm.registerLanguageModelChatProvider;
  editor.lm.registerLanguageModelChatProvider = undefined as never;
  open.push(offerChatModels(given));
  editor.lm.registerLanguageModelChatProvider = register;
  expect(editor.lm.registered).toHaveLength(1);
});

test('typing does not look for models at each key', async () => {
  vi.useFakeTimers();
  const given = services([]);
  let looked = 0;
  const change: (() => void)[] = [];
  const onDidChange = (listener: () => void) => {
    change.push(listener);
    return { dispose: () => undefined };
  };
  Object.assign(given.completion, { onDidChange });
  Object.defineProperty(given.runs, 'all', { get: () => ((looked += 1), []) });
  open.push(offerChatModels(given));
  for (let key = 0; key < 100; key += 1) change[0]!();
  expect(looked).toBe(1);
  // Changes since then are not missed.
  await vi.advanceTimersByTimeAsync(10_000);
  expect(looked).toBe(2);
  vi.useRealTimers();
});

test('an untrusted workspace has none', async () => {
  const { models } = provider([runOn('instruct', 'garden')]);
  const [information] = await models.provideLanguageModelChatInformation();
  editor.workspace.isTrusted = false;
  expect(await models.provideLanguageModelChatInformation()).toEqual([]);
  await expect(models.provideTokenCount(information!, 'text')).rejects.toThrow('not trusted');
  editor.workspace.isTrusted = true;
});
