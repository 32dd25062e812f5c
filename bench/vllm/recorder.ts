/** Stands between a client and vLLM, passes everything on, and remembers what completions were asked and answered. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface Exchange {
  body: Record<string, unknown>;
  /** The text as far as the client took it. */
  answer: string;
}

export interface Recorder {
  port: number;
  /** Streamed completions, in their order. */
  heard: Exchange[];
  close(): Promise<void>;
}

export async function startRecorder(target: string): Promise<Recorder> {
  const heard: Exchange[] = [];
  const server = createServer((request, response) => {
    passOn(target, request, response, heard).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((done) => server.close(() => done()));
  };
  return { port: (server.address() as AddressInfo).port, heard, close };
}

async function passOn(target: string, request: IncomingMessage, response: ServerResponse, heard: Exchange[]) {
  const body = request.method === 'POST' ? ((await json(request)) as Exchange['body']) : undefined;
  const left = new AbortController();
  response.once('close', () => left.abort());
  const answer = await fetch(target + request.url!, {
    method: request.method!,
    headers: {
      authorization: request.headers.authorization ?? '',
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: left.signal,
  });
  const exchange = { body: body ?? {}, answer: '' };
  if (body?.['stream']) heard.push(exchange);
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of (answer.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    exchange.answer = textIn(text);
    response.write(chunk);
  }
  response.end();
}

/** What the whole events of a stream say. */
function textIn(stream: string): string {
  const events = stream
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('data: {'));
  const said = events.map((line) => JSON.parse(line.slice(6)) as { choices?: { text?: string }[] });
  return said.map(({ choices }) => choices?.[0]?.text ?? '').join('');
}
