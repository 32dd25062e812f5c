/**
 * Many adapters on one base: `npm run bench:serving -- [--minutes 5] [--json]`.
 *
 * Memory: what 16 adapters with their contexts add to a server's resident memory, compared with 16 times what the
 * server accounts for one (its file, keys, values and buffers). `loadMs`: how much longer an adapter's first request
 * takes than its second; `loadProcessorMs`: how much more processor time, which does not depend on the machine's load.
 * Then a soak test: 8 clients query 4 of the adapters for `--minutes` over HTTP, and every answer must equal the one
 * that the adapter gave alone. The adapters are random. llama.cpp's rounding depends on how many rows it computes at
 * once, and so on what is cached. An answer that may depend on rounding (the second likeliest token is somewhere less
 * than `--margin` behind) is requested without the cache, so that the computation is always the same.
 */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { startServer, type RunningServer } from '../src/serving/http/start-server.ts';
import { writeTinyAdapter } from '../test/support/tiny-model.ts';
import { quantile } from './quantiles.ts';

const options = {
  base: { type: 'string', default: 'smollm2-135m' },
  minutes: { type: 'string', default: '5' },
  adapters: { type: 'string', default: '16' },
  clients: { type: 'string', default: '8' },
  margin: { type: 'string', default: '0.1' },
  prompts: { type: 'string', default: '24' },
  threads: { type: 'string', default: '1' },
  /** Measure only how long an adapter takes to load. */
  'load-only': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

const TOKENS = 8;
const CONTEXT = 1024;
/** Number of adapters that the clients query. */
const ASKED = 4;

interface Question {
  model: string;
  prompt: string;
  answer: string;
  /** Whether the answer is independent of what is cached. */
  clear: boolean;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-soak-'));
  const base = (await resolveBase(values.base)).path;
  const adapters = Array.from({ length: Number(values.adapters) }, (_, index) => ({
    name: `adapter-${index}`,
    path: join(dir, `adapter-${index}.gguf`),
  }));
  for (const [index, { path }] of adapters.entries())
    await writeTinyAdapter(path, base, { seed: index + 1, rank: 16, alpha: 32, scale: 0.01 });
  const token = 'soak';
  const server = await startServer({
    basePath: base,
    adapters,
    token,
    contextSize: CONTEXT,
    threads: Number(values.threads),
  });
  try {
    const post = createPost(server, token);
    if (values['load-only']) {
      await post({ model: 'base', prompt: 'x', max_tokens: 1 });
      const loads: Load[] = [];
      for (const { name } of adapters) loads.push(await measureLoad(name, post));
      return console.log(JSON.stringify(summariseLoads(loads)));
    }
    const memory = await measureMemory(server, adapters, post);
    const { questions, differing } = await learn(post, values);
    const soak = await run(post, questions, Number(values.clients), Number(values.minutes));
    const clear = questions.filter((question) => question.clear).length;
    const results = { ...memory, ...soak, questions: questions.length, clear, differing };
    if (values.json) return console.log(JSON.stringify(results));
    for (const [name, value] of Object.entries(results)) console.log(`${name.padEnd(16)} ${value}`);
    console.log(`load of the machine ${loadavg()[0]!.toFixed(1)} on ${availableParallelism()} cores`);
  } finally {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  }
}

interface Answer {
  choices: { text: string; logprobs?: { top_logprobs: Record<string, number>[] } }[];
}
type Post = (body: object) => Promise<Answer>;

function createPost({ port }: RunningServer, token: string): Post {
  return async (body) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ max_tokens: TOKENS, ...body }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  };
}

/**
 * Memory in MB: what the server accounts for one adapter, and what all of them add to resident memory. Each context is
 * filled, so that its memory is actually used.
 */
async function measureMemory(
  server: RunningServer,
  adapters: readonly { name: string; path: string }[],
  post: Post,
) {
  const rss = () => {
    global.gc?.();
    return process.memoryUsage.rss() / 1e6;
  };
  const full = 'x = 1\n'.repeat(400);
  // Allocates the base's context, and whatever any first request allocates.
  await post({ model: 'base', prompt: full });
  const before = rss();
  const baseBytes = server.host.memory.bytes;
  const loads: Load[] = [];
  for (const { name } of adapters) {
    loads.push(await measureLoad(name, post));
    await post({ model: name, prompt: full });
  }
  const megabytes = (server.host.memory.bytes - baseBytes) / adapters.length / 1e6;
  const added = rss() - before;
  return {
    adapterFileMb: Math.round((await stat(adapters[0]!.path)).size / 1e6),
    adapterAndContextMb: Math.round(megabytes),
    ...summariseLoads(loads),
    adapters: adapters.length,
    addedMb: Math.round(added),
    memoryRatio: Number((added / (adapters.length * megabytes)).toFixed(2)),
  };
}

interface Load {
  ms: number;
  processorMs: number;
}

/** How much more the first request of an adapter takes than its second. */
async function measureLoad(model: string, post: Post): Promise<Load> {
  const timed = async (prompt: string) => {
    const [startedAt, before] = [performance.now(), process.cpuUsage()];
    await post({ model, prompt, max_tokens: 1 });
    const { user, system } = process.cpuUsage(before);
    return { ms: performance.now() - startedAt, processorMs: (user + system) / 1000 };
  };
  // Two prompts of one token each: the first also opens the adapter and its context.
  const [first, second] = [await timed('x'), await timed('y')];
  return { ms: first.ms - second.ms, processorMs: first.processorMs - second.processorMs };
}

const summariseLoads = (loads: readonly Load[]) => ({
  loadMs: median(loads.map(({ ms }) => ms)),
  loadProcessorMs: median(loads.map(({ processorMs }) => processorMs)),
  fastestLoadMs: Math.round(Math.min(...loads.map(({ ms }) => ms))),
});

const median = (values: readonly number[]) => Math.round(quantile(values, 0.5));

/** Collects each adapter's answers without concurrency. */
async function learn(post: Post, values: { prompts: string; margin: string }) {
  const files = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const questions: Question[] = [];
  for (const [index, name] of files.slice(0, Number(values.prompts)).entries()) {
    const prompt = `${index} ${(await readFile(join('src', name), 'utf8')).slice(0, 400)}`;
    for (let adapter = 0; adapter < ASKED; adapter += 1) {
      const model = `adapter-${adapter}`;
      const { choices } = await post({ model, prompt, logprobs: 2, cache_prompt: false });
      const gaps = choices[0]!.logprobs!.top_logprobs.map((top) => {
        const [first = 0, second = -Infinity] = Object.values(top).sort((a, b) => b - a);
        return first - second;
      });
      const clear = Math.min(...gaps) >= Number(values.margin);
      questions.push({ model, prompt, answer: choices[0]!.text, clear });
    }
  }
  // Counts distinct answers, because mixing up two adapters with the same answers would go unnoticed.
  const prompts = [...new Set(questions.map(({ prompt }) => prompt))];
  const answersTo = (prompt: string) =>
    new Set(questions.filter((question) => question.prompt === prompt).map(({ answer }) => answer));
  const differing = prompts.reduce((sum, prompt) => sum + answersTo(prompt).size, 0);
  return { questions, differing };
}

async function run(post: Post, questions: readonly Question[], clients: number, minutes: number) {
  const end = Date.now() + minutes * 60_000;
  const times: number[] = [];
  let wrong = 0;
  let errors = 0;
  const client = async (number: number) => {
    for (let turn = number; Date.now() < end; turn += clients + 1) {
      const { model, prompt, answer, clear } = questions[turn % questions.length]!;
      const startedAt = performance.now();
      try {
        const { choices } = await post({ model, prompt, cache_prompt: clear, user: `client ${number}` });
        times.push(performance.now() - startedAt);
        if (choices[0]!.text !== answer) wrong += 1;
      } catch (error) {
        errors += 1;
        console.error((error as Error).message);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    minutes,
    clients,
    answers: times.length,
    errors,
    wrong,
    p50Ms: Math.round(quantile(times, 0.5)),
    p95Ms: Math.round(quantile(times, 0.95)),
  };
}
