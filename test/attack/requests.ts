/** Odd HTTP requests to one server: no 5xx, no client left waiting, and a correct answer to a canary after each. */
import { connect } from 'node:net';
import { startServer } from '../../src/serving/http/start-server.ts';
import { Random } from '../support/random.ts';
import type { Campaign, Trial } from './campaign.ts';
import { openGround, within } from './support.ts';

const TOKEN = 'attack';
const COUNT = 200;

interface Place {
  port: number;
  adapter: string;
}

export const requests: Campaign = {
  title: 'odd requests',
  async open({ seed }) {
    const ground = await openGround();
    const server = await startServer({
      basePath: ground.at('base.gguf'),
      adapters: [{ name: 'one', path: ground.at('adapter.gguf') }],
      token: TOKEN,
      contextSize: 256,
      threads: 1,
    });
    const place = { port: server.port, adapter: ground.at('adapter.gguf') };
    const right = await canary(place);
    const random = new Random(seed);
    const trials = Array.from({ length: COUNT }, (_, index): Trial => {
      const { name, send } = odd(random, place, index);
      return {
        name: `${name}, ${index}`,
        async run() {
          const statuses = statusesIn(await within(send(), 20_000));
          const bad = statuses.find((status) => status >= 500);
          if (bad) throw new Error(`answered ${bad}`);
          const answered = await within(canary(place), 20_000);
          if (answered !== right)
            throw new Error(`the canary said ${JSON.stringify(answered)}, not ${JSON.stringify(right)}`);
        },
      };
    });
    return {
      trials,
      async close() {
        await server.close();
        await ground.close();
      },
    };
  },
};

async function canary({ port }: Place): Promise<string> {
  const body = { model: 'one', prompt: 'const answer =', max_tokens: 8, cache_prompt: false };
  const text = await exchange(
    port,
    httpRequest('POST', '/v1/completions', JSON.stringify(body), { connection: 'close' }),
  );
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(`the canary was answered ${text.slice(0, 80)}`);
  return (JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { choices: { text: string }[] }).choices[0]!
    .text;
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** Sent as is; `leaveAfter` breaks the connection off. Returns everything that was answered until it ended. */
function exchange(port: number, request: string | Buffer, leaveAfter?: number): Promise<string> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined).on('close', () => done(answer));
    socket.write(request);
    if (leaveAfter !== undefined) setTimeout(() => socket.destroy(), leaveAfter);
  });
}

function httpRequest(
  method: string,
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Buffer {
  const all = {
    host: '127.0.0.1',
    authorization: `Bearer ${TOKEN}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const head = Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1'),
    Buffer.from(body),
  ]);
}

interface Odd {
  name: string;
  send(): Promise<string>;
}

const routes = [
  '/v1/completions',
  '/infill',
  '/completion',
  '/tokenize',
  '/v1/load_lora_adapter',
  '/v1/unload_lora_adapter',
  '/v1/models',
  '/metrics',
  '/health',
  '/',
  '//',
  '/%00',
  '/../../etc/passwd',
];
const numbers = [
  '-1',
  '0',
  '1e308',
  '-1e308',
  '1e999',
  '9007199254740993',
  '0.5',
  'null',
  'true',
  '"7"',
  '[]',
  '{}',
];
const fields = [
  'max_tokens',
  'temperature',
  'top_p',
  'n',
  'seed',
  'logprobs',
  'presence_penalty',
  'frequency_penalty',
  'best_of',
  'stop',
  'suffix',
  'heal',
  'context',
  'place',
  'prompt',
  'model',
  'n_predict',
  'top_k',
  'min_p',
  'n_probs',
  'input_extra',
  'response_fields',
  'content',
];
const prompts = ['', '\u0000', '\ud800', '<|fim_prefix|>', 'x'.repeat(20_000), '\n'.repeat(3000), 'é日本👩‍👩‍👧'];

/** One of the odd variants, in turn, so that each occurs often. */
function odd(random: Random, { port, adapter }: Place, index: number): Odd {
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const route = pick(routes.slice(0, 5));
  const plain = JSON.stringify({ model: 'one', prompt: 'a', content: 'a', max_tokens: 4, n_predict: 4 });
  const send = (request: Buffer | string, leaveAfter?: number) => () => exchange(port, request, leaveAfter);
  const ways: (() => Odd)[] = [
    () => {
      const [field, number] = [pick(fields), pick(numbers)];
      const body = `{"model":"one","prompt":"a","content":"a","max_tokens":4,"n_predict":4,"${field}":${number}}`;
      return { name: `${field} ${number} to ${route}`, send: send(httpRequest('POST', route, body)) };
    },
    () => {
      const [method, path] = [
        pick(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'POST']),
        pick(routes),
      ];
      return {
        name: `${method} ${path}`,
        send: send(httpRequest(method, path, method === 'POST' ? plain : '')),
      };
    },
    () => {
      const host = pick([
        'evil.example',
        '',
        '127.0.0.1.evil.example',
        '[::1',
        'localhost:99999999',
        '127.0.0.1\t',
      ]);
      return { name: `host ${host}`, send: send(httpRequest('POST', route, plain, { host })) };
    },
    () => {
      const authorization = pick([
        '',
        'Bearer',
        'Bearer x',
        `bearer ${TOKEN} `,
        `Basic ${TOKEN}`,
        `Bearer ${'x'.repeat(9000)}`,
      ]);
      return {
        name: 'a token that is none',
        send: send(httpRequest('POST', route, plain, { authorization })),
      };
    },
    () => {
      const bytes = Buffer.from(plain);
      bytes[random.integer(bytes.length)] = pick([0xff, 0xc3, 0x00, 0x7b]);
      return {
        name: `a body with bytes that are none to ${route}`,
        send: send(httpRequest('POST', route, bytes)),
      };
    },
    () => {
      const body = pick([
        '',
        '{',
        '[]',
        'null',
        '7',
        '"a"',
        '['.repeat(50_000),
        `{"model":${'{"a":'.repeat(20_000)}`,
        '{"__proto__":{"model":"one"}}',
        '{"constructor":{"prototype":{}}}',
      ]);
      return { name: `a body that is no request to ${route}`, send: send(httpRequest('POST', route, body)) };
    },
    () => ({ name: 'a huge body', send: send(httpRequest('POST', route, 'x'.repeat(5 << 20))) }),
    () => {
      const length = pick(['-1', '1e9', '0x10', String(2 ** 53), '5, 6']);
      return {
        name: `content-length ${length}`,
        send: send(httpRequest('POST', route, plain, { 'content-length': length }), 500),
      };
    },
    () => {
      const name = `x-${'a'.repeat(20_000)}`;
      return { name: 'a huge header', send: send(httpRequest('POST', route, plain, { [name]: 'b' })) };
    },
    () => {
      const stream = JSON.stringify({
        model: 'one',
        prompt: 'a',
        max_tokens: 200,
        n_predict: 200,
        stream: true,
      });
      return {
        name: `a stream broken off, of ${route}`,
        send: send(httpRequest('POST', route, stream), random.integer(60)),
      };
    },
    () => {
      const last = httpRequest('POST', '/tokenize', plain);
      const others = Array.from({ length: 1 + random.integer(20) }, () =>
        httpRequest('POST', route, plain, { connection: 'keep-alive' }),
      );
      return { name: 'many requests in a row unasked', send: send(Buffer.concat([...others, last])) };
    },
    () => {
      const whole = httpRequest('POST', route, plain);
      return {
        name: 'a request broken off',
        send: send(whole.subarray(0, random.integer(whole.length)), 300),
      };
    },
    () => {
      const chunked = `POST ${route} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n${pick(['zz\r\n', 'ffffffffff\r\n{', '-1\r\n', '0\r\n\r\n'])}`;
      return { name: 'chunks that are none', send: send(chunked, 500) };
    },
    () => {
      const body = JSON.stringify({
        model: pick(['one', 'base', 'no', '']),
        prompt: pick(prompts),
        content: pick(prompts),
        input_prefix: pick(prompts),
        max_tokens: 3,
        n_predict: 3,
      });
      return { name: `an odd prompt to ${route}`, send: send(httpRequest('POST', route, body)) };
    },
    () => {
      const path = pick([adapter, '/dev/zero', '/', '/nowhere', 'relative', '\u0000', '/proc/self/mem']);
      const body = JSON.stringify({
        lora_name: pick(['two', 'base', 'one']),
        lora_path: path,
      });
      return { name: `adapter ${path}`, send: send(httpRequest('POST', '/v1/load_lora_adapter', body)) };
    },
    () => {
      const type = pick([
        '',
        'text/plain',
        'application/json; charset=utf-16',
        'multipart/form-data',
        'application/x-www-form-urlencoded',
      ]);
      return {
        name: `content-type ${type}`,
        send: send(httpRequest('POST', route, plain, { 'content-type': type })),
      };
    },
  ];
  return ways[index % ways.length]!();
}
