/**
 * Two adapters on vLLM beside our server: `npm run bench:vllm -- [--base ID|FILE] [--python PATH] [--json]`.
 *
 * Installs vLLM for processors into an environment of its own, gives it the base (in F32; without --base, a small one
 * with random weights) and, by `serve --on`, two adapters with random weights, which are checked there. Then both
 * servers complete the same prompts greedily. Where a token differs, `margin` says how far apart vLLM's two likeliest
 * tokens are there, in nats: llama.cpp computes quantised weights with 8-bit activations, vLLM the same weights in F32.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openTokenizer } from '../src/base-models/tokenizer.ts';
import { resolveBase, type ResolvedBase } from '../src/base-models/resolve.ts';
import { importAdapter } from '../src/export/import-adapter.ts';
import { openLlamaHost } from '../src/serving/engine/llama-host.ts';
import { writeTinyAdapter, writeTinyModel } from '../test/support/tiny-model.ts';
import { makeOwnHome } from './own-home.ts';
import { ensurePytorch } from './training/environment.ts';
import { writeVllmBase } from './vllm/base.ts';
import { startVllm, type Vllm } from './vllm/server.ts';

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
const TOKEN = 'bench';

interface Run {
  name: string;
  id: string;
  adapter: string;
}

interface Answer {
  tokens: number[];
  /** Of each token, the two largest log-probabilities' difference. */
  margins: number[];
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const threads = Number(values.threads);
  const python = values.python ?? (await installVllm(log));
  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-vllm-'));
  let vllm: Vllm | undefined;
  try {
    const home = join(dir, 'home');
    await mkdir(home);
    await makeOwnHome(home);
    process.env['FORGET_ME_NOT_HOME'] = home;
    const base = await resolveBase(values.base ?? (await randomBase(dir)));
    const model = join(dir, 'base');
    await writeVllmBase(base.path, model);
    const runs = await makeRuns(dir, base, Number(values.scale));
    log('Starting vLLM ...');
    vllm = await startVllm({ ...{ python, model, threads, token: TOKEN }, log: join(dir, 'vllm.log') });
    const checks = await handOver(vllm, runs, join(dir, 'shared'));
    const prompts = await promptsFrom(base.path, Number(values.prompts));
    log(`Completing ${prompts.length} prompts with both ...`);
    const figures = await compare(vllm, { runs, base, prompts, threads, most: Number(values.tokens) });
    const result = { vllm: vllm.version, base: base.id, checks, ...figures };
    if (values.json) return console.log(JSON.stringify(result));
    console.log(JSON.stringify(result, null, 2));
  } finally {
    await vllm?.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** They are for sound, and built for another PyTorch: transformers fails where they are there. */
const WITHOUT = ['torchaudio', 'torchcodec'];

const installVllm = (log: (line: string) => void) =>
  ensurePytorch(resolve('bench/vllm/requirements.txt'), log, 'bench-vllm', WITHOUT);

/** vLLM's attention on processors needs heads of at least 32. */
async function randomBase(dir: string): Promise<string> {
  const path = join(dir, 'random.gguf');
  await writeTinyModel(path, { layers: 2, embedding: 128, heads: 2, kvHeads: 1, ffn: 256, seed: 3 });
  return path;
}

async function makeRuns(dir: string, base: ResolvedBase, scale: number): Promise<Run[]> {
  const runs: Run[] = [];
  for (const [index, name] of ['first', 'second'].entries()) {
    const path = join(dir, `${name}.gguf`);
    await writeTinyAdapter(path, base.path, { seed: index + 1, rank: 16, alpha: 32, scale });
    const { id, dir: run } = await importAdapter({ path, base, name, versions: {} });
    runs.push({ name, id, adapter: join(run, 'adapter.gguf') });
  }
  return runs;
}

/** What `serve --on` says of each adapter. */
async function handOver(vllm: Vllm, runs: readonly Run[], shared: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...[resolve('dist/cli.mjs'), 'serve', '--on', vllm.url, '--shared', shared, '--json'],
      ...runs.flatMap(({ name, id }) => ['--adapter', `${name}=${id}`]),
    ],
    { env: { ...process.env, FORGET_ME_NOT_ENDPOINT_TOKEN: TOKEN } },
  );
  return (JSON.parse(stdout) as { offered: unknown }).offered;
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
