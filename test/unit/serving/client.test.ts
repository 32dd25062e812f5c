import { fork, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { gpuPackagesVersion } from '../../../src/packages/gpu-packages.ts';
import type { ComputeDevice } from '../../../src/protocol/gpu.ts';
import { takeLock } from '../../../src/runs/lock.ts';
import { readAnnouncement } from '../../../src/serving/client/announcement.ts';
import { ServingClient, type ServingClientOptions } from '../../../src/serving/client/client.ts';
import { hasCrashed } from '../../../src/serving/host/gpu-guard.ts';
import { startedPid } from '../../support/started-pid.ts';

vi.mock('../../../src/runs/lock.ts', { spy: true });
vi.mock('../../../src/serving/client/announcement.ts', { spy: true });

let dir: string;
let clients: ServingClient[];
let pids: number[];
const at = (name: string) => join(dir, name);
const servers = () => at('servers');

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-client-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', dir);
  writeFileSync(at('base.gguf'), 'weights');
  clients = [];
  pids = [];
});
afterEach(async () => {
  for (const client of clients) await client.dispose();
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  vi.unstubAllEnvs();
  // A server that is shutting down may still write.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

/** A client of a server run by this program. */
function clientOf(program: string, more: Partial<ServingClientOptions> = {}): ServingClient {
  const script = at('server.mjs');
  writeFileSync(script, program);
  const client = new ServingClient({
    node: () => ({ command: process.execPath, env: {} }),
    script,
    base: at('base.gguf'),
    ...more,
    log(line) {
      const pid = startedPid(line);
      if (pid !== undefined) pids.push(pid);
      more.log?.(line);
    },
  });
  clients.push(client);
  return client;
}

const onProcessor: ComputeDevice = { backend: 'cpu', devices: [], layers: 0, ofLayers: 1, threads: 1 };
const onGpu: ComputeDevice = { ...onProcessor, backend: 'vulkan', devices: ['A GPU'], layers: 1 };

/** A server announced and held like the real one; `answer` is the body of a function of request and response. */
const serverThat = (answer: string, device = onProcessor) => `
  import { appendFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:http';
  const file = process.argv[process.argv.indexOf('--announce') + 1];
  const token = process.env.FORGET_ME_NOT_TOKEN;
  const event = (text) => 'data: ' + JSON.stringify({ choices: [{ index: 0, text, finish_reason: 'stop' }] }) + '\\n\\n';
  const say = (text) => event(text) + 'data: [DONE]\\n\\n';
  const said = say(String(process.pid));
  const leases = new Set();
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== 'Bearer ' + token) return response.writeHead(401).end('{}');
    if (request.url === '/lease') {
      leases.add(response);
      response.write(JSON.stringify(ready) + '\\n');
      return response.on('close', () => (leases.delete(response), leases.size) || (rmSync(file, { force: true }), process.exit(0)));
    }
    let body = '';
    for await (const part of request) body += part;
    const asked = JSON.parse(body);
    ${answer}
  });
  let ready;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    ready = { type: 'ready', port, models: ['base'], fillInTheMiddle: false, device: ${JSON.stringify(device)} };
    writeFileSync(file + '.tmp', JSON.stringify({ version: 1, pid: process.pid, port, token }), { mode: 0o600 });
    renameSync(file + '.tmp', file);
    console.log(JSON.stringify(ready));
  });`;

const ask = { model: 'base', prompt: 'a' };
const answered = (client: ServingClient, model = 'base') => client.stream({ ...ask, model }, () => undefined);
const textOf = async (client: ServingClient) => (await answered(client)).text;

it('restarts a server once for all requests that were in flight when it died', async () => {
  const client = clientOf(
    serverThat(`
      const died = ${JSON.stringify(at('died'))};
      if (existsSync(died)) response.end(said);
      else if ((globalThis.asked = (globalThis.asked ?? 0) + 1) === 3) {
        writeFileSync(died, '');
        process.exit(1);
      }`),
  );
  const answers = await Promise.all([1, 2, 3].map(() => textOf(client)));
  expect(answers).toEqual(Array(3).fill(String(pids[1])));
  expect(pids).toHaveLength(2);
});

it.each([
  ['', '1'],
  ['3', '3'],
])("starts it with few threads in Node's pool, or with the requested number: %j", async (asked, has) => {
  vi.stubEnv('UV_THREADPOOL_SIZE', asked || undefined);
  const client = clientOf(serverThat('response.end(say(process.env.UV_THREADPOOL_SIZE));'));
  expect(await textOf(client)).toBe(has);
});

it('offers a later adapter to the running server and to the next one', async () => {
  const [first, ...others] = ['first', 'later', 'refused'].map((name) => ({ name, path: at(name) }));
  const gone = JSON.stringify(first!.path);
  writeFileSync(first!.path, '');
  const requestLog = at('heard.jsonl');
  const client = clientOf(
    serverThat(`
      appendFileSync(${JSON.stringify(requestLog)}, JSON.stringify([request.url, asked.lora_name ?? asked.model]) + '\\n');
      if (asked.model) process.exit(1);
      const refused = asked.lora_name === 'refused' || (asked.lora_name === 'first' && !existsSync(${gone}));
      if (refused) response.statusCode = 409;
      response.end(refused ? '{"error":{"message":"For another base."}}' : 'Success');`),
  );
  client.registerAdapters([first!]);
  await client.start();
  client.registerAdapters(others);
  await client.load('later');
  await client.load('later');
  await expect(client.load('refused')).rejects.toThrow('For another base.');
  rmSync(first!.path);
  // The server dies during the request, and so does the next one, which serves the remaining adapter.
  await expect(answered(client, 'later')).rejects.toMatchObject({
    code: 'crashed',
    message: 'The completion server ended before the answer was complete.',
  });
  const load = '/v1/load_lora_adapter';
  expect(
    readFileSync(requestLog, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[]),
  ).toEqual([
    [load, 'first'],
    [load, 'later'],
    [load, 'refused'],
    ['/v1/completions', 'later'],
    [load, 'first'],
    [load, 'later'],
    [load, 'refused'],
    ['/v1/completions', 'later'],
  ]);
});

it('a rejected adapter does not affect the others, and is offered again when it is requested', async () => {
  const heals = JSON.stringify(at('heals'));
  const client = clientOf(
    serverThat(`
      if (asked.model) return response.end(said);
      if (asked.lora_name === 'good' || existsSync(${heals})) return response.end('Success');
      response.writeHead(409).end('{"error":{"message":"It is damaged."}}');`),
    { adapters: ['bad', 'good'].map((name) => ({ name, path: at(name) })) },
  );
  const asks = (model: string) => answered(client, model);
  await asks('good');
  await expect(asks('bad')).rejects.toMatchObject({ message: 'It is damaged.' });
  await expect(client.load('bad')).rejects.toThrow('It is damaged.');
  writeFileSync(at('heals'), '');
  await asks('bad');
  expect(pids).toHaveLength(1);
});

it('a server that dies during an answer is not an internal error, and the answer is not restarted', async () => {
  const client = clientOf(serverThat('response.write(event(String(process.pid)), () => process.exit(1));'));
  const pieces: string[] = [];
  await expect(client.stream(ask, (piece) => pieces.push(piece))).rejects.toMatchObject({ code: 'crashed' });
  expect(pieces).toEqual([String(pids[0])]);
  expect(pids).toHaveLength(1);
});

it('an error in the middle of a stream keeps its code', async () => {
  const error = { message: 'The chat has 9 tokens.', code: 'context_length_exceeded' };
  const event = JSON.stringify(`: reading\n\ndata: ${JSON.stringify({ error })}\n\n`);
  const client = clientOf(serverThat(`response.end(JSON.parse(${JSON.stringify(event)}));`));
  const chat = client.chat({ messages: [{ role: 'user', content: 'a' }] }, () => undefined);
  await expect(chat).rejects.toMatchObject({ code: 'chat-too-long', message: error.message });
});

it('says why a server could not start, and leaves none behind', async () => {
  const failed = {
    type: 'failed',
    code: 'base-truncated',
    message: 'The base is cut short.',
    next: 'Fetch it.',
  };
  const line = JSON.stringify(`${JSON.stringify(failed)}\n`);
  const client = clientOf(`process.stdout.write(${line}, () => process.exit(1));`);
  await expect(client.start()).rejects.toMatchObject({ code: failed.code, message: failed.message });
  const other = clientOf(`console.log('what?'); setInterval(() => {}, 1000);`);
  await expect(other.start()).rejects.toMatchObject({ code: 'internal' });
  await expect.poll(() => isAlive(pids[1]!)).toBe(false);
});

/** As a server whose disk or driver does not answer while it loads. */
const HANGS = 'setInterval(() => {}, 1000);';

/** The same while it tries a GPU. */
function hangsOnGpu(): { program: string; mark: string } {
  const mark = at(`cache/gpu/vulkan-${gpuPackagesVersion}`);
  mkdirSync(dirname(mark), { recursive: true });
  const [temporary, final] = [`${mark}.tmp`, mark].map((path) => JSON.stringify(path));
  const program = `
    import { renameSync, writeFileSync } from 'node:fs';
    writeFileSync(${temporary}, process.pid + '\\n');
    renameSync(${temporary}, ${final});
    ${HANGS}`;
  return { program, mark };
}

it('ends a server that is not ready in time, and starts the next one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { program, mark } = hangsOnGpu();
  const client = clientOf(program);
  const late = { code: 'internal', message: 'The completion server was not ready after 10 minutes.' };
  const started = expect(client.start()).rejects.toMatchObject(late);
  await expect.poll(() => existsSync(mark)).toBe(true);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  await started;
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
  // The driver may be what hung.
  expect(await hasCrashed('vulkan')).toBe(true);
  clientOf(serverThat('response.end(said);'));
  expect(await textOf(client)).toBe(String(pids[1]));
});

it('a window that closes while its server loads ends it, and one that waited starts another', async () => {
  const first = clientOf(HANGS);
  const started = expect(first.start()).rejects.toMatchObject({ code: 'internal' });
  await expect.poll(() => pids).toHaveLength(1);
  const second = clientOf(HANGS);
  const waited = expect(second.start()).rejects.toMatchObject({ code: 'internal' });
  const looks = vi.mocked(readAnnouncement).mockClear();
  const tries = vi.mocked(takeLock).mockClear();
  await expect.poll(() => looks.mock.calls.length).toBeGreaterThan(15);
  // A try to start it costs more than a look for it.
  expect(tries.mock.calls.length * 5).toBeLessThan(looks.mock.calls.length);
  await Promise.all([first.dispose(), started]);
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
  await expect.poll(() => pids).toHaveLength(2);
  await Promise.all([second.dispose(), waited]);
  await expect.poll(() => isAlive(pids[1]!)).toBe(false);
});

it('a GPU that was being tried when the window closed is not blamed for it', async () => {
  const { program, mark } = hangsOnGpu();
  const client = clientOf(program);
  const started = expect(client.start()).rejects.toMatchObject({ code: 'internal' });
  await expect.poll(() => existsSync(mark)).toBe(true);
  await Promise.all([client.dispose(), started]);
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
  expect(await hasCrashed('vulkan')).toBe(false);
});

it('blames the GPU once two servers on it have ended by themselves', async () => {
  const client = clientOf(serverThat('response.end(said);', onGpu));
  await textOf(client);
  process.kill(pids[0]!, 'SIGKILL');
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
  await textOf(client);
  expect(await hasCrashed('vulkan')).toBe(false);
  process.kill(pids[1]!, 'SIGKILL');
  await expect.poll(() => hasCrashed('vulkan')).toBe(true);
});

it('says when its server computes on another device', async () => {
  const backends: string[] = [];
  const client = clientOf(
    serverThat(
      `ready.device.backend = 'cpu';
      for (const lease of leases) lease.write(JSON.stringify(ready) + '\\n');
      response.end(said);`,
      onGpu,
    ),
    { onReady: ({ device }) => backends.push(device.backend) },
  );
  await textOf(client);
  await expect.poll(() => backends).toEqual(['vulkan', 'cpu']);
  expect((await client.start()).device.backend).toBe('cpu');
});

it('starts nothing more if disposed of while it waits after crashes', async () => {
  const client = clientOf('process.exit(1);');
  await expect(client.start()).rejects.toMatchObject({ code: 'internal' });
  await expect(client.start()).rejects.toMatchObject({ code: 'internal' });
  const third = client.start();
  await Promise.all([client.dispose(), expect(third).rejects.toMatchObject({ code: 'internal' })]);
  expect(pids).toHaveLength(2);
});

it('windows that start at once share one server, which ends when the last one has closed', async () => {
  const windows = Array.from({ length: 4 }, () => clientOf(serverThat('response.end(said);')));
  const texts = await Promise.all(windows.map(textOf));
  expect(pids).toHaveLength(1);
  expect(new Set(texts)).toEqual(new Set([String(pids[0])]));
  await windows[0]!.dispose();
  expect(await textOf(windows[1]!)).toBe(texts[0]);
  for (const window of windows) await window.dispose();
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
});

it('if the server of several windows is killed, one restarts it and the others find the new one', async () => {
  const windows = Array.from({ length: 3 }, () => clientOf(serverThat('response.end(said);')));
  await Promise.all(windows.map(textOf));
  process.kill(pids[0]!, 'SIGKILL');
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
  const texts = await Promise.all(windows.map(textOf));
  expect(pids).toHaveLength(2);
  expect(new Set(texts)).toEqual(new Set([String(pids[1])]));
});

it.skipIf(process.platform === 'win32')('nobody else can read the token, or give us another', async () => {
  const client = clientOf(serverThat('response.end(said);'));
  await textOf(client);
  const [file] = readdirSync(servers()).filter((name) => name.endsWith('.json'));
  expect(statSync(servers()).mode & 0o777).toBe(0o700);
  expect(statSync(join(servers(), file!)).mode & 0o777).toBe(0o600);
  const { token } = JSON.parse(readFileSync(join(servers(), file!), 'utf8')) as { token: string };
  if (existsSync('/proc/self/cmdline'))
    expect(readFileSync(`/proc/${pids[0]}/cmdline`, 'utf8')).not.toContain(token);

  // Files that others may write are not trusted, nor is a server that does not know the token.
  await client.dispose();
  await expect.poll(() => isAlive(pids[0]!)).toBe(false);
  const stranger = await strangerOnAPort();
  const announced = { version: 1, pid: stranger.pid, port: stranger.port, token };
  for (const mode of [0o666, 0o600]) {
    rmSync(join(servers(), file!), { force: true });
    writeFileSync(join(servers(), file!), JSON.stringify(announced), { mode });
    const window = clientOf(serverThat('response.end(said);'));
    expect(await textOf(window)).toBe(String(pids.at(-1)));
    await window.dispose();
    await expect.poll(() => isAlive(pids.at(-1)!)).toBe(false);
  }
  stranger.process.kill('SIGKILL');
});

it.skipIf(process.platform === 'win32')(
  "says if files can't be protected from others, and starts nothing",
  async () => {
    const client = clientOf(serverThat('response.end(said);'));
    // As on a Windows drive: all files there belong to another user.
    vi.spyOn(process, 'getuid').mockReturnValue(process.getuid!() + 1);
    await expect(client.start()).rejects.toMatchObject({
      code: 'not-writable',
      message: expect.stringContaining(servers()),
      next: expect.stringContaining('forgetMeNot.dataDirectory'),
    });
    vi.restoreAllMocks();
    expect(pids).toEqual([]);
    expect(readdirSync(servers())).toEqual([]);
  },
);

/** A live process with its own port that is unrelated to us. */
async function strangerOnAPort(): Promise<{ process: ChildProcess; pid: number; port: number }> {
  writeFileSync(
    at('stranger.mjs'),
    `import { createServer } from 'node:http';
    const server = createServer((request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1', () => process.send(server.address().port));`,
  );
  const child = fork(at('stranger.mjs'), { execArgv: [] });
  const port = await new Promise<number>((resolve) =>
    child.once('message', (message) => resolve(Number(message))),
  );
  return { process: child, pid: child.pid!, port };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
