/** Our own server as a remote one: it answers as this machine does. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startServer, type RunningServer } from '../../src/serving/http/start-server.ts';
import { parseEndpoint } from '../../src/serving/remote/address.ts';
import { RemoteClient } from '../../src/serving/remote/remote-client.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let server: RunningServer;
const token = 'a secret of this test';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-remote-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(join(dir, 'base.gguf'), { fillInTheMiddle: true });
  await writeTinyAdapter(join(dir, 'one.gguf'), join(dir, 'base.gguf'));
  server = await startServer({
    basePath: join(dir, 'base.gguf'),
    adapters: [{ name: 'one', path: join(dir, 'one.gguf') }],
    contextSize: 512,
    threads: 1,
    token,
  });
});
afterAll(async () => {
  await server.close();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const clientOf = (model: string, secret = token) =>
  new RemoteClient({
    endpoint: parseEndpoint(`http://127.0.0.1:${server.port}`),
    model,
    token: () => Promise.resolve(secret),
  });

it('is recognised and takes a whole request, with snippets and the partial token', async () => {
  const client = clientOf('one');
  expect(await client.start()).toMatchObject({
    kind: 'forget-me-not',
    models: ['base', 'one'],
    fill: { by: 'own', middle: true },
  });
  const request = {
    model: 'one',
    prompt: 'export function add(a: number, b: number) {\n ',
    heal: ' ret',
    suffix: '\n}\n',
    context: [{ filename: 'util.ts', text: 'export const one = 1;\n' }],
    place: { repository: 'shop', path: 'add.ts' },
  };
  const pieces: string[] = [];
  const confidences: number[] = [];
  const { text, finishReason } = await client.stream(
    { ...request, max_tokens: 12, confidence: true },
    (piece, confidence) => {
      pieces.push(piece);
      if (confidence !== undefined) confidences.push(confidence);
    },
  );
  const here = await server.host.complete(
    { ...request, maxTokens: 12, temperature: 0 },
    new AbortController().signal,
  );
  expect({ text, finishReason }).toEqual({ text: here.text, finishReason: here.finishReason });
  expect(pieces.join('')).toBe(text);
  // The confidence decides what is shown, as with a local server.
  expect(confidences.length).toBeGreaterThan(0);
});

it('refuses a wrong token and an unknown model', async () => {
  await expect(clientOf('one', 'wrong').start()).rejects.toMatchObject({ code: 'endpoint-token' });
  await expect(clientOf('two').start()).rejects.toMatchObject({
    code: 'endpoint-model',
    message: expect.stringContaining('it has base, one.'),
  });
});
