/**
 * Compares our completion server with using llama.cpp directly, with each base: `npm run bench:completion [-- --json]
 * [--requests 24] [--base NAME_OR_FILE]...`.
 *
 * Both sides use the same model, threads, context and prompts (the beginnings of this project's own sources), decode
 * greedily and alternate, with a different one first each time. "Directly" is node-llama-cpp in another process, used
 * in the usual way: the prompt is evaluated at once, then token by token, and the answer is detokenised at the end.
 * Ours is `server.mjs` in its own process, over HTTP. Every request starts cold, because no two prompts have a common
 * prefix. Measured: the time to the whole answer, and within each server the time to the first token and per further
 * token; with one thread also the processor time, which hardly depends on other programs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadLlamaModel, readModelFile } from '../src/llama-cpp/llama.ts';
import { resolveBase, type ResolvedBase } from '../src/base-models/resolve.ts';
import { createCompleter, type RawAnswer } from '../src/completion/index.ts';
import { llamaEnv } from '../src/llama-cpp/env.ts';
import { BenchServer } from './felt/server.ts';
import { quantile } from './quantiles.ts';

const options = {
  base: { type: 'string', multiple: true, default: ['smollm2-135m', 'qwen2.5-coder-0.5b'] as string[] },
  requests: { type: 'string', default: '24' },
  tokens: { type: 'string', default: '24' },
  /** Characters per prompt; 1200 are about 350 tokens. */
  prompt: { type: 'string', default: '1200' },
  /** By default, as many as our server chooses. */
  threads: { type: 'string' },
  json: { type: 'boolean', default: false },
  /** Internal: run as the process that uses llama.cpp directly, with this base. */
  direct: { type: 'string' },
} as const;
/** How often both sides are started: two identical processes may differ by 10% from start to start. */
const STARTS = 3;
/** Number of prompts for measurements other than the comparison. */
const SIDE_PROMPTS = 12;
/**
 * Milliseconds after which requests are cancelled while the prompt is processed; others are cancelled during
 * generation.
 */
const CANCELLED_AFTER = [100, 300, 900];

type Options = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  if (values.direct) return runDirect(values.direct, values);
  const results: Record<string, number | Record<string, number>> = {
    typedThroughMs: round(await typeThrough(), 3),
  };
  if (!values.json) console.log(`typedThroughMs  ${results['typedThroughMs'] as number}`);
  for (const name of values.base) {
    const base = await resolveBase(name);
    results[base.id] = await measure(base, values);
  }
  if (values.json) console.log(JSON.stringify(results));
}

async function measure({ id, path }: ResolvedBase, values: Options): Promise<Record<string, number>> {
  const prompts = await readPrompts(Number(values.requests) + SIDE_PROMPTS, Number(values.prompt));
  const compared = prompts.slice(SIDE_PROMPTS);
  const sides: Compared = { ours: noTimes(), direct: noTimes(), differing: 0 };
  const alone: Record<string, number> = {};
  let { threads } = values;
  for (let start = 0; start < STARTS; start += 1) {
    // Ours comes first, because it chooses the number of threads for both.
    const ours = await Ours.start(path, threads);
    threads = String(ours.threads);
    const direct = await Direct.start(path, threads);
    try {
      const these = compared.filter((_, index) => index % STARTS === start);
      await compare(ours, direct, these, Number(values.tokens), sides);
      if (start < STARTS - 1) continue;
      alone['cancelMs'] = Math.round(await cancel(ours, prompts.slice(0, 6)));
      alone['prefixSaving'] = round(await warmPrefix(ours, prompts.slice(6, SIDE_PROMPTS)), 3);
    } finally {
      direct.end();
      ours.end();
    }
  }
  process.stderr.write('\n');
  const results = { ...resultsOf(sides), ...alone, threads: Number(threads) };
  if (!values.json) show(id, results, sides);
  return results;
}

/** Beginnings of this project's sources, each after a unique first line, so that no two have a common prefix. */
async function readPrompts(count: number, characters: number): Promise<string[]> {
  const files = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const prompts: string[] = [];
  for (const name of files) {
    const text = await readFile(join('src', name), 'utf8');
    if (text.length > characters + 200)
      prompts.push(`${prompts.length} ${name}\n${text.slice(0, characters)}`);
    if (prompts.length === count) return prompts;
  }
  throw new Error(`There are only ${prompts.length} long enough sources for ${count} prompts.`);
}

/** Milliseconds of an answer. */
interface Parts {
  /** Within the server: until the first token, and for all others together. */
  first: number;
  others: number;
  /** Processor time of the process (Linux); with two threads, it would include their waiting for each other. */
  processor: number;
}

interface Side {
  complete(prompt: string, tokens: number): Promise<{ text: string; tokens: number }>;
  parts(): Promise<Parts>;
}

/** Times in milliseconds of a side's answers. */
interface Times {
  whole: number[];
  first: number[];
  perToken: number[];
  processor: number[];
}

const noTimes = (): Times => ({ whole: [], first: [], perToken: [], processor: [] });

interface Compared {
  ours: Times;
  direct: Times;
  /** Prompts with different answers. */
  differing: number;
}

async function compare(
  ours: Side,
  direct: Side,
  prompts: readonly string[],
  tokens: number,
  compared: Compared,
): Promise<void> {
  const sides = [
    ['ours', ours],
    ['direct', direct],
  ] as const;
  // The first request is slower, because it faults in memory.
  for (const [, side] of sides) {
    await side.complete(`warm ${prompts[0]}`, tokens);
    await side.parts();
  }
  for (const [index, prompt] of prompts.entries()) {
    const texts = [];
    for (const [name, side] of index % 2 ? sides : [...sides].reverse()) {
      const startedAt = performance.now();
      const answer = await side.complete(prompt, tokens);
      compared[name].whole.push(performance.now() - startedAt);
      texts.push(answer.text);
      const { first, others, processor } = await side.parts();
      compared[name].first.push(first);
      compared[name].perToken.push(others / (answer.tokens - 1));
      compared[name].processor.push(processor);
    }
    process.stderr.write(`\r${compared.ours.whole.length} requests `);
    if (texts[0] !== texts[1]) compared.differing += 1;
  }
}

function resultsOf({ ours, direct }: Compared): Record<string, number> {
  // Ratios within pairs, because both ran under the same load; an answer of one token has no time per further token.
  const ratio = (part: keyof Times) => {
    const ratios = ours[part].map((value, at) => value / direct[part][at]!);
    return round(quantile(ratios.filter(Number.isFinite), 0.5), 3);
  };
  return {
    overheadP50: ratio('whole'),
    overheadP95: round(quantile(ours.whole, 0.95) / quantile(direct.whole, 0.95), 3),
    firstToken: ratio('first'),
    perToken: ratio('perToken'),
    ...(Number.isNaN(ours.processor[0]) ? {} : { processor: ratio('processor') }),
  };
}

/**
 * Milliseconds (95th percentile) to show the rest of a completion when the user types its next character. Measures only
 * the completion core, in a file of 30 KB.
 */
async function typeThrough(): Promise<number> {
  const head = `${'const line = 1;\n'.repeat(2000)}function add(first, second) {\n  `;
  const completer = createCompleter({
    request: () => Promise.resolve({ text: 'return first + second;', finishReason: 'stop' }),
    fillInTheMiddle: () => false,
  });
  const times: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const document = {
      path: `${round}.ts`,
      languageId: 'typescript',
      after: '\n}\n',
      adapter: 'base',
      maxTokens: 64,
      debounceMs: 0,
    };
    await completer.complete({ ...document, before: head, invoked: true });
    for (const [index] of [...'return first'].entries()) {
      const before = head + 'return first'.slice(0, index + 1);
      const startedAt = performance.now();
      const completion = await completer.complete({ ...document, before });
      times.push(performance.now() - startedAt);
      if (completion?.source !== 'cache') throw new Error('Typing through asked the model.');
    }
  }
  return quantile(times, 0.95);
}

/** Longest time, in ms, from closing the connection until the server is idle. */
async function cancel(ours: Ours, prompts: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (const [index, prompt] of prompts.entries()) {
    const leaving = new AbortController();
    const after = CANCELLED_AFTER[index];
    await new Promise<void>((resolve) => {
      ours.stream(prompt.repeat(2), 400, resolve, leaving.signal).catch(resolve);
      if (after !== undefined) void sleep(after).then(resolve);
    });
    const startedAt = performance.now();
    leaving.abort();
    // Pause between polls, which would take processor time from the model's last step.
    while ((await ours.active()) > 0) await sleep(5);
    times.push(performance.now() - startedAt);
  }
  return Math.max(...times);
}

/** Share of the time to the first token saved by a warm prefix: the same prompt with a few characters appended. */
async function warmPrefix(ours: Ours, prompts: readonly string[]): Promise<number> {
  const savings: number[] = [];
  for (const prompt of prompts) {
    const time = async (text: string) => {
      const startedAt = performance.now();
      await ours.complete(text, 1);
      return performance.now() - startedAt;
    };
    const cold = await time(`cold ${prompt}`);
    savings.push(1 - (await time(`cold ${prompt}\nconst `)) / cold);
  }
  return quantile(savings, 0.5);
}

/** server.mjs in a child process. */
class Ours implements Side {
  /** The last values of its counters, in milliseconds. */
  private counted: Parts = { first: 0, others: 0, processor: 0 };

  private constructor(private readonly server: BenchServer) {}

  get threads(): number {
    return this.server.ready.device!.threads;
  }

  static async start(base: string, threads: string | undefined): Promise<Ours> {
    const args = ['--context', '2048', ...(threads ? ['--threads', threads] : [])];
    return new Ours(await BenchServer.start(base, args));
  }

  async complete(prompt: string, tokens: number) {
    const body = { model: 'base', prompt, max_tokens: tokens };
    const response = await this.server.post('/v1/completions', body);
    const json = (await response.json()) as {
      choices: { text: string }[];
      usage: { completion_tokens: number };
    };
    return { text: json.choices[0]!.text, tokens: json.usage.completion_tokens };
  }

  async parts(): Promise<Parts> {
    const metrics = await this.server.get('/metrics');
    const count = (name: string) =>
      1000 * Number(new RegExp(`^forget_me_not_${name}_seconds_total{.*} (.+)$`, 'm').exec(metrics)?.[1]);
    const before = this.counted;
    const isMeasurable = process.platform === 'linux' && this.threads === 1;
    const processor = isMeasurable ? this.server.processorTime() : NaN;
    this.counted = { first: count('prompt'), others: count('completion'), processor };
    return {
      first: this.counted.first - before.first,
      others: this.counted.others - before.others,
      processor: processor - before.processor,
    };
  }

  stream(prompt: string, tokens: number, onText: () => void, signal: AbortSignal): Promise<RawAnswer> {
    return this.server.stream({ model: 'base', prompt, max_tokens: tokens }, onText, signal);
  }

  async active(): Promise<number> {
    const health = await fetch(`http://127.0.0.1:${this.server.ready.port}/health`);
    return ((await health.json()) as { active: number }).active;
  }

  end(): void {
    this.server.end();
  }
}

/** node-llama-cpp in a child process, asked over a pipe. */
class Direct implements Side {
  private last: Parts = { first: 0, others: 0, processor: 0 };

  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: Interface,
  ) {}

  static async start(base: string, threads: string): Promise<Direct> {
    const script = fileURLToPath(new URL('direct.mjs', import.meta.url));
    const args = JSON.stringify(['--direct', base, '--threads', threads]);
    await writeFile(
      script,
      `import { main } from ${JSON.stringify(import.meta.url)};\nawait main(${args});\n`,
    );
    const child = spawn(process.execPath, [script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // As for our server, so that only the server's own overhead is compared.
      env: { ...process.env, ...llamaEnv() },
    });
    const lines = createInterface({ input: child.stdout! });
    const direct = new Direct(child, lines);
    for (let line = ''; line !== 'ready';) [line] = (await once(lines)) as [string];
    return direct;
  }

  async complete(prompt: string, tokens: number) {
    const answer = once(this.lines);
    this.child.stdin!.write(`${JSON.stringify({ prompt, tokens })}\n`);
    const [line] = (await answer) as [string];
    const { parts, ...said } = JSON.parse(line) as { text: string; tokens: number; parts: Parts };
    this.last = parts;
    return said;
  }

  parts(): Promise<Parts> {
    return Promise.resolve(this.last);
  }

  end(): void {
    this.child.kill();
  }
}

const once = (lines: Interface) => new Promise((resolve) => lines.once('line', (line) => resolve([line])));

async function runDirect(base: string, values: Options): Promise<void> {
  const model = await loadLlamaModel(await readModelFile(base));
  const context = await model.createContext({ contextSize: 2048, threads: Number(values.threads) });
  const sequence = context.getSequence();
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const { prompt, tokens } = JSON.parse(line) as { prompt: string; tokens: number };
    const [startedAt, before] = [performance.now(), process.cpuUsage()];
    let firstAt: number | undefined;
    await sequence.clearHistory();
    const written = [];
    for await (const token of sequence.evaluate(model.tokenize(prompt), { temperature: 0 })) {
      firstAt ??= performance.now();
      written.push(token);
      if (written.length >= tokens) break;
    }
    const ended = performance.now();
    const { user, system } = process.cpuUsage(before);
    const parts: Parts = {
      first: (firstAt ?? ended) - startedAt,
      others: ended - (firstAt ?? ended),
      processor: (user + system) / 1000,
    };
    console.log(JSON.stringify({ text: model.detokenize(written), tokens: written.length, parts }));
  }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

function show(base: string, results: Record<string, number>, { ours, direct, differing }: Compared): void {
  const line = (name: string, { whole, first, perToken }: Times) =>
    console.log(
      `${name}  p50 ${quantile(whole, 0.5).toFixed(0)} ms, p95 ${quantile(whole, 0.95).toFixed(0)} ms; ` +
        `first token ${quantile(first, 0.5).toFixed(0)} ms, each other ${quantile(perToken, 0.5).toFixed(1)} ms`,
    );
  console.log(`\n${base}`);
  line('llama.cpp directly', direct);
  line('our server        ', ours);
  console.log(
    `${ours.whole.length} requests each; ${differing} answers differ (rounding: the prompt is read in different steps)`,
  );
  for (const [name, value] of Object.entries(results)) console.log(`${name.padEnd(15)} ${value}`);
  console.log(`load of the machine ${loadavg()[0]!.toFixed(1)} on ${availableParallelism()} cores`);
}
