/** Completion by a remote server, tested with fakes of common servers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeServer, type ServerInfo } from '../../../src/serving/remote/probe.ts';
import type { RemoteClient } from '../../../src/serving/remote/remote-client.ts';
import { llamaCpp, mistral, ollama, vllm } from '../../support/other-servers.ts';
import { useRemoteClients } from '../../support/remote-clients.ts';

const request = {
  model: 'base',
  prompt: 'def add(a, b):\n    return ',
  heal: ' a',
  suffix: '\n\nprint(add(1, 2))',
  context: [{ filename: 'util.py', text: 'one = 1\n' }],
  place: { repository: 'shop', path: 'main.py' },
  max_tokens: 8,
  stop: ['\n'],
};

const { closing, opened, clientAt, answer } = useRemoteClients(request);

describe('vLLM', () => {
  it("completes with an adapter, using its base's special tokens because it does not support a suffix", async () => {
    const server = await opened(vllm());
    const found: ServerInfo[] = [];
    const client = clientAt(server.address, {
      model: 'garden',
      onServerInfo: (server) => found.push(server),
    });
    expect(await client.fillInTheMiddle()).toBe(true);
    expect(await answer(client)).toEqual({ text: 'a + b', pieces: ['a ', '+ b'] });
    expect(server.heard).toEqual([
      {
        url: '/v1/completions',
        body: {
          model: 'garden',
          max_tokens: 8,
          temperature: 0,
          stream: true,
          top_k: -1,
          top_p: 1,
          min_p: 0,
          repetition_penalty: 1,
          stop: ['\n', '<|file_sep|>', '<|endoftext|>'],
          prompt:
            '<|repo_name|>shop\n<|file_sep|>util.py\none = 1\n<|file_sep|>main.py\n' +
            '<|fim_prefix|>def add(a, b):\n    return  a<|fim_suffix|>\n\nprint(add(1, 2))<|fim_middle|>',
        },
      },
    ]);
    expect(describeServer(found[0]!, 'gpu')).toBe(
      'vLLM at gpu, model garden: fills in the middle by the marks of Qwen-Coder',
    );
  });

  it('has several models, so one must be named, and the error lists them', async () => {
    const server = await opened(vllm());
    const has = 'Qwen/Qwen2.5-Coder-1.5B, garden';
    await expect(clientAt(server.address).start()).rejects.toMatchObject({
      code: 'endpoint-model',
      message: expect.stringContaining(`has several models: ${has}.`),
    });
    await expect(clientAt(server.address, { model: 'gone' }).start()).rejects.toMatchObject({
      code: 'endpoint-model',
      message: expect.stringContaining(`has no model "gone"; it has ${has}.`),
      next: expect.stringContaining('{endpoint-model}'),
    });
  });

  it('lists the first of a hundred models', async () => {
    const named = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `m${at}` }));
    let data = named(100);
    const server = await serverWith((_, response) =>
      response.writeHead(200, json).end(JSON.stringify({ data })),
    );
    const errorFor = async (model: string) => {
      const failed = await clientAt(`http://${server}`, { model })
        .start()
        .catch((error: unknown) => error);
      return (failed as Error).message;
    };
    expect(await errorFor('')).toMatch(/has several models: m0, m1, m2, m3, m4 and 95 more models\.$/);
    expect(await errorFor('gone')).toMatch(/it has m0, m1, m2, m3, m4 and 95 more models\.$/);
    data = named(6);
    expect(await errorFor('')).toMatch(/: m0, m1, m2, m3, m4, m5\.$/);
  });
});

describe('llama.cpp', () => {
  it('completes by its /infill, with other files', async () => {
    const server = await opened(llamaCpp());
    expect(await answer(clientAt(`${server.address}/v1`))).toEqual({ text: 'a + b', pieces: ['a ', '+ b'] });
    expect(server.heard).toMatchObject([
      {
        url: '/infill',
        body: {
          input_prefix: 'def add(a, b):\n    return  a',
          input_suffix: '\n\nprint(add(1, 2))',
          input_extra: [{ filename: 'util.py', text: 'one = 1\n' }],
          n_predict: 8,
          temperature: 0,
        },
      },
    ]);
  });

  it('is asked again after a pause while it loads the model, and nothing is concluded before', async () => {
    for (const status of [503, 429]) {
      let loading = true;
      const server = await serverWith((incoming, response) => {
        if (incoming.url === '/v1/models')
          return response
            .writeHead(200, json)
            .end(JSON.stringify({ data: [{ id: 'codegemma.gguf', owned_by: 'llamacpp' }] }));
        if (loading)
          return response.writeHead(status, json).end('{"error":{"message":"Loading model","code":503}}');
        response.writeHead(200, json).end('{"content":" "}');
      });
      const client = clientAt(`http://${server}`, { retryMs: 0 });
      await expect(client.start()).rejects.toMatchObject({
        code: 'endpoint-failed',
        message: expect.stringContaining('failed: Loading model.'),
      });
      loading = false;
      expect(await client.start()).toMatchObject({ fill: { by: 'infill' } });
    }
  });

  it('without fill-in-the-middle tokens, uses those known for the model', async () => {
    const server = await opened(llamaCpp({ noMiddle: true }));
    const client = clientAt(server.address);
    expect(await client.start()).toMatchObject({
      fill: { by: 'template', template: { name: 'StarCoder2' } },
    });
    await answer(client);
    expect(server.heard[0]!.body['prompt']).toContain('<fim_suffix>');
  });
});

describe('Ollama', () => {
  it('completes with its suffix parameter, which also keeps a prompt from becoming a chat', async () => {
    const server = await opened(ollama());
    const client = clientAt(server.address, { model: 'qwen2.5-coder:0.5b-base' });
    expect(await answer(client)).toEqual({ text: 'a + b', pieces: ['a ', '+ b'] });
    await answer(client, { ...request, suffix: undefined });
    expect(server.heard.map(({ body }) => [body['prompt'], body['suffix']])).toEqual([
      ['def add(a, b):\n    return  a', '\n\nprint(add(1, 2))'],
      ['def add(a, b):\n    return  a', '\n'],
    ]);
  });

  it('sends only the text before the cursor to a model without a template; "latest" may be left out of names', async () => {
    const server = await opened(ollama());
    const client = clientAt(server.address, { model: 'llama3.2' });
    expect(await client.start()).toMatchObject({ model: 'llama3.2:latest', fill: { by: 'none' } });
    expect(await client.fillInTheMiddle()).toBe(false);
  });
});

describe('the token', () => {
  it('is sent, and its rejection is reported in a sentence', async () => {
    const token = 'a-secret-token';
    for (const [start, model] of [
      [vllm, 'garden'],
      [llamaCpp, ''],
      [ollama, 'llama3.2'],
      [mistral, ''],
    ] as const) {
      const { address } = await opened(start({ token }));
      await clientAt(address, { model, token: () => Promise.resolve(token) }).start();
      for (const wrong of [undefined, 'another'])
        await expect(
          clientAt(address, { model, token: () => Promise.resolve(wrong) }).start(),
        ).rejects.toMatchObject({ code: 'endpoint-token', next: 'Set the token with {endpoint-token}.' });
    }
  });

  it("is in no message, even if it can't be sent or the server repeats it", async () => {
    const failure = async (token: string, address: string) => {
      const client = clientAt(address, { token: () => Promise.resolve(token) });
      return (await client.start().catch((error: unknown) => error)) as Error;
    };
    // Pasted with a line break in the middle.
    const broken = await failure('a-secret\ntoken', 'http://127.0.0.1:1');
    expect(broken).toMatchObject({ code: 'endpoint-token' });
    const repeating = await serverWith((incoming, response) =>
      response
        .writeHead(400, json)
        .end(JSON.stringify({ error: { message: `bad key: ${incoming.headers.authorization}` } })),
    );
    const repeated = await failure('a-secret-token', `http://${repeating}`);
    expect(repeated.message).toContain('bad key: Bearer …');
    for (const error of [broken, repeated]) expect(inspect(error)).not.toContain('a-secret');
  });

  it('is in no message if the server repeats it in a stream, or in a truncated text', async () => {
    const token = 'a-secret-token';
    const fails = async (head: Record<string, string>, end: (sent: string) => string) => {
      const repeating = await serverWith((incoming, response) => {
        if (incoming.url === '/v1/models') return response.writeHead(200, json).end(list);
        response.writeHead(200, head).end(end(incoming.headers.authorization!));
      });
      const client = clientAt(`http://${repeating}`, { token: () => Promise.resolve(token) });
      return (await answer(client).catch((error: unknown) => error)) as Error;
    };
    const events = { 'content-type': 'text/event-stream' };
    const errorBody = (sent: string) => JSON.stringify({ error: { message: `no such key: ${sent}` } });
    const streamed = await fails(events, (sent) => `data: ${errorBody(sent)}\n\n`);
    expect(streamed).toMatchObject({ code: 'endpoint-failed' });
    expect(streamed.message).toContain('failed: no such key: Bearer ….');
    const whole = await fails(json, errorBody);
    expect(whole.message).toContain('no such key: Bearer ….');
    const long = await fails(json, (sent) => JSON.stringify({ error: `${'x'.repeat(187)}${sent}` }));
    const redirecting = await serverWith((incoming, response) =>
      response.writeHead(307, { location: `/login?${incoming.headers.authorization}` }).end(),
    );
    const redirected = (await answer(
      clientAt(`http://${redirecting}`, { token: () => Promise.resolve(token) }),
    ).catch((error: unknown) => error)) as Error;
    for (const error of [streamed, whole, long, redirected]) expect(inspect(error)).not.toContain('a-se');
  });
});

describe('stopping', () => {
  it('closes the connection, so that the server stops', async () => {
    const server = await opened(llamaCpp({ pieces: ['a', 'b', 'c', 'd'], pauseMs: 50 }));
    const client = clientAt(server.address);
    const stop = new AbortController();
    await expect(client.stream(request, () => stop.abort(), stop.signal)).rejects.toThrow();
    await expect.poll(() => server.left).toBe(1);
    // It is not a failure of the server.
    expect(await answer(client)).toMatchObject({ text: 'abcd' });
  });
});

/** A server run by this function. */
async function serverWith(
  listener: RequestListener,
  make: (listener: RequestListener) => Server = createServer,
) {
  const server = make(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const list = JSON.stringify({ data: [{ id: 'mine', owned_by: 'someone' }] });
const json = { 'content-type': 'application/json' };

function selfSigned(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'fmn-tls-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const files = ['-keyout', key, '-out', cert];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', ...files],
    { stdio: 'ignore' },
  );
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

describe('reports that', () => {
  const failsWith = (client: RemoteClient, code: string, words: string) =>
    expect(answer(client)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });

  it('no server is listening; the next requests fail at once, and later ones try again', async () => {
    const server = await opened(llamaCpp());
    await server.app.close();
    const client = clientAt(server.address, { retryMs: 60_000 });
    await failsWith(client, 'endpoint-down', "can't be reached (ECONNREFUSED)");
    let asked = 0;
    const counting = (() => {
      asked += 1;
      return Promise.reject(new Error('down'));
    }) as typeof fetch;
    const pausing = clientAt(server.address, { retryMs: 60_000, fetch: counting });
    for (let key = 0; key < 3; key += 1) await failsWith(pausing, 'endpoint-down', 'down');
    expect(asked).toBe(1);
    const trying = clientAt(server.address, { retryMs: 0, fetch: counting });
    for (let key = 0; key < 3; key += 1) await failsWith(trying, 'endpoint-down', 'down');
    expect(asked).toBe(4);
  });

  it('no server is listening; later requests try again even if the clock was set back', async () => {
    const server = await opened(llamaCpp());
    const client = clientAt(server.address, {
      fetch: () => Promise.reject(new Error('down')),
    });
    const steady = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => void vi.restoreAllMocks());
    await failsWith(client, 'endpoint-down', 'down');
    vi.spyOn(Date, 'now').mockReturnValue(0);
    steady.mockReturnValue(3600_000);
    const asked = vi.fn(() => Promise.reject(new Error('still down')));
    Object.assign(client, { options: { ...client['options'], fetch: asked } });
    await failsWith(client, 'endpoint-down', 'still down');
  });

  it('it takes too long, also from one piece to the next', async () => {
    const server = await opened(llamaCpp({ pieces: ['a', 'b'], pauseMs: 10_000 }));
    await failsWith(
      clientAt(server.address, { answerMs: 100 }),
      'endpoint-slow',
      'did not answer within 0.1 s',
    );
  });

  it('it ends in the middle, or sends an error there', async () => {
    const cut = await serverWith((incoming, response) => {
      if (incoming.url === '/v1/models') return response.writeHead(200, json).end(list);
      if (incoming.url === '/infill') return response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"text":"a"}]}\n\n');
      setTimeout(() => response.destroy(), 20);
    });
    await failsWith(clientAt(`http://${cut}`), 'endpoint-down', "can't be reached");
    const saying = await serverWith((incoming, response) => {
      if (incoming.url === '/v1/models') return response.writeHead(200, json).end(list);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: {"error":{"message":"out of\\nmemory","code":500}}\n\n');
    });
    await failsWith(clientAt(`http://${saying}`), 'endpoint-failed', 'failed: out of memory.');
  });

  it('the answer is not understood, and stops reading it', async () => {
    let [found, left] = [false, false];
    const server = await serverWith((incoming, response) => {
      if (incoming.url === '/v1/models') return response.writeHead(200, json).end(list);
      if (!found) return response.writeHead(404).end();
      response.on('close', () => (left = true));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: what?\n\n');
    });
    const client = clientAt(`http://${server}`);
    await client.start();
    found = true;
    await failsWith(client, 'endpoint-unknown', 'is not understood');
    await expect.poll(() => left).toBe(true);
  });

  it('it is not a completion server', async () => {
    const page = await serverWith((_, response) => response.writeHead(200).end('<html>hello</html>'));
    await failsWith(clientAt(`http://${page}`), 'endpoint-unknown', 'it lists no models');
    const missing = await serverWith((_, response) => response.writeHead(404).end('not here'));
    await failsWith(clientAt(`http://${missing}`), 'endpoint-unknown', 'HTTP 404');
    const noTls = `https://${missing}`;
    await failsWith(clientAt(noTls), 'endpoint-unknown', 'does not speak HTTPS');
  });

  it('the model is no longer available', async () => {
    const server = await opened(vllm());
    const client = clientAt(server.address, { model: 'garden' });
    await client.start();
    server.app.server.removeAllListeners('request');
    server.app.server.on('request', (_, response: ServerResponse) =>
      response
        .writeHead(404, json)
        .end('{"error":{"message":"The model `garden` does not exist.","code":404}}'),
    );
    await failsWith(client, 'endpoint-model', 'has no model "garden"; it has Qwen/Qwen2.5-Coder-1.5B.');
  });

  it('it redirects: neither code nor token is sent on', async () => {
    const elsewhere: string[] = [];
    const other = await serverWith((incoming, response) => {
      elsewhere.push(incoming.url!);
      response.writeHead(200, json).end(list);
    });
    const sending = await serverWith((_, response) =>
      response.writeHead(307, { location: `http://${other}/v1/models` }).end(),
    );
    await failsWith(
      clientAt(`http://${sending}`),
      'endpoint-address',
      `sends requests on to http://${other}`,
    );
    expect(elsewhere).toEqual([]);
  });

  it('its certificate is not trusted', async () => {
    const certificate = selfSigned();
    const secure = await serverWith(
      (_, response) => response.end(list),
      (listener) => createSecure(certificate, listener) as unknown as Server,
    );
    await failsWith(clientAt(`https://${secure}`), 'endpoint-certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT');
  });
});
