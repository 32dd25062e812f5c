/**
 * Two adapters on vLLM beside our server: `npm run bench:vllm -- [--base ID|FILE] [--python PATH] [--json]`.
 *
 * Installs vLLM for processors into an environment of its own, gives it the base (in F32; without --base, a small one
 * with random weights) and, by `serve --on`, two adapters with random weights, which are checked there. Then both
 * servers complete the same prompts greedily, and vLLM's loading of an adapter is timed. Where a token differs,
 * `margin` says how far apart vLLM's two likeliest tokens are there, in nats: llama.cpp computes quantised weights with
 * 8-bit activations, vLLM the same weights in F32.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ResolvedBase } from '../src/base-models/resolve.ts';
import { openTokenizer } from '../src/base-models/tokenizer.ts';
import { openLlamaHost } from '../src/serving/engine/llama-host.ts';
import { quantile } from './serving-load.ts';
import { TOKEN, withHandedOver, type Run } from './vllm/handed-over.ts';
import type { Vllm } from './vllm/server.ts';

const options = {
  base: { type: 'string' },
  /** Of an environment that has vLLM. */
  python: { type: 'string' },
  prompts: { type: 'string', default: '50' },
  tokens: { type: 'string', default: '12' },
  threads: { type: 'string', default: '2' },
  /** Standard deviation of the adapters' B. */
  scale: { type: 'string', default: '0.05' },
  json: { type: 'boolean', default: false },
} as const;

const PROMPT_TOKENS = 64;
/** Times that an adapter is loaded. */
const LOADS = 9;

interface Answer {
  tokens: number[];
  /** Of each token, the two largest log-probabilities' difference. */
  margins: number[];
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const threads = Number(values.threads);
  const result = await withHandedOver(
    {
      ...{ base: values.base, python: values.python, names: ['first', 'second'] },
      ...{ scale: Number(values.scale), threads, context: 256 },
    },
    async ({ vllm, base, runs, shared, checks }) => {
      const prompts = await promptsFrom(base.path, Number(values.prompts));
      process.stderr.write(`Completing ${prompts.length} prompts with both ...\n`);
      const figures = await compare(vllm, { runs, base, prompts, threads, most: Number(values.tokens) });
      const loadMs = await measureLoading(vllm, runs[0]!, join(shared, runs[0]!.name));
      return { vllm: vllm.version, base: base.id, checks, loadMs, ...figures };
    },
  );
  console.log(JSON.stringify(result, null, values.json ? undefined : 2));
}

/** The beginnings of our own source files, as tokens. */
async function promptsFrom(basePath: string, count: number): Promise<Int32Array[]> {
  const files = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const tokenizer = await openTokenizer(basePath);
  try {
    const texts = await Promise.all(files.map((name) => readFile(join('src', name), 'utf8')));
    return texts
      .map((text) => tokenizer.encode(text).slice(0, PROMPT_TOKENS))
      .filter(({ length }) => length === PROMPT_TOKENS)
      .slice(0, count);
  } finally {
    await tokenizer.dispose();
  }
}

interface Compared {
  runs: readonly Run[];
  base: ResolvedBase;
  prompts: readonly Int32Array[];
  threads: number;
  most: number;
}

/** Our engine as `serve` runs it, and vLLM, on the same prompts. */
async function compare(vllm: Vllm, { runs, base, prompts, threads, most }: Compared) {
  const theirs = new Map<string, Answer[]>();
  const names = ['base', ...runs.map(({ name }) => name)];
  for (const name of names) {
    const answers: Answer[] = [];
    for (const prompt of prompts)
      answers.push(await ask(vllm, name === 'base' ? 'served' : name, prompt, most));
    theirs.set(name, answers);
  }
  const host = await openLlamaHost({
    ...{ basePath: base.path, threads, contextSize: 512 },
    adapters: runs.map(({ name, adapter }) => ({ name, path: adapter })),
  });
  const models: object[] = [];
  try {
    for (const name of names) {
      const differing: { prompt: number; at: number; margin: number }[] = [];
      for (const [index, prompt] of prompts.entries()) {
        const { tokens, margins } = theirs.get(name)![index]!;
        // Ours, after what both have said so far: so one early difference does not make all later ones.
        const row = await host.distributions(name, Int32Array.from([...prompt, ...tokens]));
        const at = tokens.findIndex((token, step) => likeliest(row[prompt.length - 1 + step]!) !== token);
        if (at >= 0) differing.push({ prompt: index, at, margin: Number(margins[at]!.toFixed(4)) });
      }
      models.push({ model: name, same: prompts.length - differing.length, differing });
    }
  } finally {
    await host.dispose();
  }
  return { prompts: prompts.length, tokens: most, models };
}

/** How long vLLM takes to load an adapter and to answer with it first, less what an answer takes; the median, in ms. */
async function measureLoading(vllm: Vllm, { name }: Run, folder: string): Promise<number> {
  const post = async (path: string, body: object) => {
    const began = performance.now();
    const response = await fetch(vllm.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`vLLM answered ${response.status}: ${text}`);
    return performance.now() - began;
  };
  const ask = () => post('/v1/completions', { model: name, prompt: 'x', max_tokens: 1 });
  const times: number[] = [];
  for (let turn = 0; turn < LOADS; turn += 1) {
    await post('/v1/unload_lora_adapter', { lora_name: name });
    const load = await post('/v1/load_lora_adapter', { lora_name: name, lora_path: folder });
    times.push(load + (await ask()) - (await ask()));
  }
  return Math.round(quantile(times, 0.5));
}

function likeliest(row: ArrayLike<number>): number {
  let best = 0;
  for (let token = 1; token < row.length; token += 1) if (row[token]! > row[best]!) best = token;
  return best;
}

const idOf = (token: string) => Number(/^token_id:(\d+)$/.exec(token)![1]);

async function ask(vllm: Vllm, model: string, prompt: Int32Array, most: number): Promise<Answer> {
  const response = await fetch(`${vllm.url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ model, prompt: [...prompt], max_tokens: most, temperature: 0, ignore_eos: true },
      ...{ logprobs: 2, return_tokens_as_token_ids: true },
    }),
  });
  if (!response.ok) throw new Error(`vLLM answered ${response.status}: ${await response.text()}`);
  const { choices } = (await response.json()) as {
    choices: { logprobs: { tokens: string[]; top_logprobs: Record<string, number>[] } }[];
  };
  const { tokens, top_logprobs: tops } = choices[0]!.logprobs;
  return {
    tokens: tokens.map(idOf),
    margins: tops.map((top) => {
      const [first = 0, second = -Infinity] = Object.values(top).sort((a, b) => b - a);
      return first - second;
    }),
  };
}
