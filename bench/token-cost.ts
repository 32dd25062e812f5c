/**
 * What a token costs: `npm run bench:token -- --base FILE [--seconds 60] [--json]`.
 *
 * Processor time in ms on one thread, which other programs change less than the time on the clock, at 128 tokens of
 * context: the least and the median of many turns. Compared: a token alone and its ways of sampling, several rows at
 * once, and a token with a random adapter of rank 16 on all linears.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { loadLlamaModel, readModelFile } from '../src/base-models/llama.ts';
import { resolveBase } from '../src/base-models/resolve.ts';
import { likeliestOptions } from '../src/serving/tokens/confidence.ts';
import { writeTinyAdapter } from '../test/support/tiny-model.ts';
import { quantile } from './serving-load.ts';

const READ = 128;
const ROWS = [2, 3, 4, 8, 16, 64];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      base: { type: 'string', default: 'smollm2-135m' },
      seconds: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
    },
  });
  const base = (await resolveBase(values.base)).path;
  const dir = await mkdtemp(join(tmpdir(), 'forget-me-not-token-'));
  const adapter = join(dir, 'adapter.gguf');
  await writeTinyAdapter(adapter, base, { rank: 16, alpha: 32, scale: 0.01 });
  const model = await loadLlamaModel(await readModelFile(base));
  const open = async (filePath?: string) => {
    const lora = filePath ? { lora: { adapters: [{ filePath, scale: 1 }] } } : {};
    const context = await model.createContext({ contextSize: 512, threads: 1, batchSize: 64, ...lora });
    return context.getSequence();
  };
  try {
    const costs = await measure(waysOf(await open(), await open(adapter)), Number(values.seconds) * 1000);
    console.log(values.json ? JSON.stringify(costs) : costs);
  } finally {
    await model.dispose();
    await rm(dir, { recursive: true, force: true });
  }
}

interface Way {
  sequence: LlamaContextSequence;
  compute(): Promise<unknown>;
}

/** Token IDs that every vocabulary has. */
const tokens = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => (((from + at) * 31) % 997) + 300) as Token[];

function waysOf(plain: LlamaContextSequence, adapted: LlamaContextSequence): Record<string, Way> {
  const token = tokens(1, READ)[0]!;
  const sampled = (generateNext: object): Way => ({
    sequence: plain,
    compute: () => plain.controlledEvaluate([[token, { generateNext }]]),
  });
  const rows = (sequence: LlamaContextSequence, count: number): Way => ({
    sequence,
    compute: () => sequence.evaluateWithoutGeneratingNewTokens(tokens(count, READ)),
  });
  return {
    token: rows(plain, 1),
    greedy: sampled({ token: true }),
    likeliest: sampled({ probabilities: true, options: likeliestOptions }),
    allProbabilities: sampled({ probabilities: true }),
    adapter: rows(adapted, 1),
    adapter64: rows(adapted, 64),
    ...Object.fromEntries(ROWS.map((count) => [`rows${count}`, rows(plain, count)])),
  };
}

async function measure(ways: Record<string, Way>, milliseconds: number) {
  const took = new Map<string, number[]>();
  for (const { sequence } of Object.values(ways))
    if (sequence.nextTokenIndex === 0) await sequence.evaluateWithoutGeneratingNewTokens(tokens(READ));
  for (const end = Date.now() + milliseconds; Date.now() < end;)
    for (const [name, { sequence, compute }] of Object.entries(ways)) {
      await sequence.eraseContextTokenRanges([{ start: READ, end: sequence.nextTokenIndex }]);
      const began = process.cpuUsage();
      await compute();
      const { user, system } = process.cpuUsage(began);
      took.set(name, [...(took.get(name) ?? []), (user + system) / 1000]);
    }
  const round = (value: number) => Number(value.toFixed(1));
  return Object.fromEntries(
    [...took].map(([name, list]) => [
      name,
      { least: round(Math.min(...list)), median: round(quantile(list, 0.5)), turns: list.length },
    ]),
  );
}
