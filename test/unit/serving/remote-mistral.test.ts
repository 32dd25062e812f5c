/** Completion by Mistral's fill-in-the-middle route, tested with fakes that follow its API documentation. */
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { describeServer, type ServerInfo } from '../../../src/serving/remote/probe.ts';
import { mistral } from '../../support/other-servers.ts';
import { useRemoteClients } from '../../support/remote-clients.ts';

const request = {
  model: 'base',
  prompt: 'def add(a, b):\n    return ',
  heal: ' a',
  suffix: '\n\nprint(add(1, 2))',
  max_tokens: 8,
  stop: ['\n'],
};

const { closing, opened, clientAt, answer } = useRemoteClients(request, { retryMs: 0 });

const json = { 'content-type': 'application/json' };

/** A server run by this function. */
async function serverWith(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('Mistral', () => {
  it('completes by its own route, without fields that it would reject', async () => {
    const server = await opened(mistral());
    const found: ServerInfo[] = [];
    // Only one of its models is for code, so none has to be named.
    const client = clientAt(server.address, { onServerInfo: (server) => found.push(server) });
    expect(await client.fillInTheMiddle()).toBe(true);
    expect(await answer(client, request)).toEqual({ text: 'a + b', pieces: ['a ', '+ b'] });
    await answer(client, { ...request, suffix: '', stop: [] });
    const asked = { model: 'codestral-2508', max_tokens: 8, temperature: 0, stream: true };
    const prompt = 'def add(a, b):\n    return  a';
    expect(server.heard.map(({ url, body }) => [url, body])).toEqual([
      ['/v1/fim/completions', { ...asked, prompt, suffix: '\n\nprint(add(1, 2))', stop: ['\n'] }],
      ['/v1/fim/completions', { ...asked, prompt }],
    ]);
    expect(describeServer(found[0]!, 'gpu')).toBe(
      'Mistral at gpu, model codestral-2508: it fills in the middle by its /fim/completions',
    );
  });

  it('recognises other model names, and rejects a model that is not for code', async () => {
    const { address } = await opened(mistral());
    expect(await clientAt(address, { model: 'codestral-latest' }).start()).toMatchObject({
      fill: { by: 'fim' },
    });
    await expect(clientAt(address, { model: 'mistral-large-latest' }).start()).rejects.toMatchObject({
      code: 'endpoint-model',
      message: expect.stringContaining('"mistral-large-latest"'),
    });
    await expect(clientAt(address, { model: 'gone' }).start()).rejects.toMatchObject({
      message: expect.stringContaining('has no model "gone"; it has codestral-2508.'),
    });
  });

  it('completes at an address that lists no models, by the documented name', async () => {
    const server = await opened(mistral({ unlisted: true, token: 'mine' }));
    const token = () => Promise.resolve('mine');
    const address = `${server.address}/v1/fim/completions`;
    const client = clientAt(address, { token });
    expect(await answer(client)).toMatchObject({ text: 'a + b' });
    expect(server.heard).toMatchObject([{ body: { model: 'codestral-latest' } }]);
    expect(await clientAt(address, { token, model: 'codestral-2508' }).start()).toMatchObject({
      kind: 'mistral',
      models: ['codestral-2508'],
    });
    await expect(clientAt(address, { token, model: 'gone' }).start()).rejects.toMatchObject({
      code: 'endpoint-model',
      message: expect.stringContaining('has no model "gone".'),
    });
    await expect(clientAt(address).start()).rejects.toMatchObject({ code: 'endpoint-token' });
  });

  it('says which field is rejected, and that a model no longer exists', async () => {
    const server = await opened(mistral());
    const client = clientAt(server.address);
    await client.start();
    const refusing = (status: number, body: object) => {
      server.app.server.removeAllListeners('request');
      server.app.server.on('request', (_, response: ServerResponse) =>
        response.writeHead(status, json).end(JSON.stringify(body)),
      );
    };
    const detail = [{ type: 'x', loc: ['body', 'suffix'], msg: 'Input should be a string', input: 'secret' }];
    refusing(422, { object: 'error', message: { detail } });
    await expect(answer(client)).rejects.toMatchObject({
      code: 'endpoint-failed',
      message: expect.stringContaining('rejects the request: body.suffix: Input should be a string.'),
    });
    refusing(422, { detail });
    await expect(answer(client)).rejects.toMatchObject({ message: expect.stringContaining('body.suffix: ') });
    refusing(400, { object: 'error', message: 'Invalid model: codestral-2508', code: '1500' });
    await expect(answer(client)).rejects.toMatchObject({ code: 'endpoint-model' });
  });
});

describe('another server', () => {
  it("is used through Mistral's route if it has one", async () => {
    const asked: string[] = [];
    const other = await serverWith((incoming, response) => {
      asked.push(incoming.url!);
      if (incoming.url === '/v1/models')
        return response.writeHead(200, json).end('{"data":[{"id":"mine","owned_by":"someone"}]}');
      if (incoming.url !== '/v1/fim/completions') return response.writeHead(404, json).end('{}');
      response.writeHead(200, json).end(JSON.stringify({ choices: [{ message: { content: 'a + b' } }] }));
    });
    const client = clientAt(`http://${other}`);
    expect(await client.start()).toMatchObject({ kind: 'other', fill: { by: 'fim' } });
    // Not streamed: one piece.
    expect(await answer(client)).toEqual({ text: 'a + b', pieces: ['a + b'] });
  });
});
