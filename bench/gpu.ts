/**
 * Completion on a GPU beside the processor: `npm run bench:gpu -- [--base FILE] [--gpu vulkan] [--tokens 32] [--json]`.
 *
 * The same prompt on both: tokens per second of the prompt and of the answer, how many tokens of the greedy answers are
 * the same before the first that differs, and how far apart the distributions after each token of the prompt are. On
 * Mesa's llvmpipe (GGML_VK_VISIBLE_DEVICES=0) only the latter says something: it computes on the processor as well.
 */
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { describeEngine } from '../src/protocol/gpu.ts';
import { toGpuChoice } from '../src/serving/http/server-args.ts';
import { openLlamaHost } from '../src/serving/engine/llama-host.ts';
import type { GpuChoice } from '../src/protocol/gpu.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  gpu: { type: 'string', default: 'auto' },
  tokens: { type: 'string', default: '32' },
  prompt: { type: 'string', default: '256' },
  json: { type: 'boolean', default: false },
} as const;

const CODE = `export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The mean of the middle half of the values. */
export function midmean(values: readonly number[]): number {
`;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const { path } = await resolveBase(values.base);
  const sizes = { tokens: Number(values.tokens), characters: Number(values.prompt) };
  const processor = await measure(path, 'off', sizes);
  const gpu = await measure(path, toGpuChoice(values.gpu), sizes);
  const [same, distances] = [agreeing(processor.tokens, gpu.tokens), compare(processor.rows, gpu.rows)];
  const figures = {
    processor: speeds(processor),
    gpu: speeds(gpu),
    greedy: { same, of: processor.tokens.length },
    distributions: distances,
  };
  console.log(JSON.stringify(figures, undefined, values.json ? 0 : 2));
}

interface Sizes {
  tokens: number;
  characters: number;
}

async function measure(basePath: string, gpu: GpuChoice, { tokens, characters }: Sizes) {
  const host = await openLlamaHost({ basePath, contextSize: 512, threads: 'measure', gpu });
  try {
    const prompt = CODE.slice(-characters);
    const request = { model: 'base', prompt, maxTokens: tokens, ignoreEnd: true, logprobs: 0 };
    // The first one compiles what is not compiled yet.
    await host.complete({ ...request, maxTokens: 2, cachePrompt: false });
    const answer = await host.complete({ ...request, cachePrompt: false });
    const rows = await host.distributions('base', host.encode(prompt).slice(0, 32));
    const { engine } = host;
    return { answer, engine, rows, tokens: answer.logProbabilities!.map(({ id }) => id) };
  } finally {
    await host.dispose();
  }
}

const speeds = ({ answer, engine }: Awaited<ReturnType<typeof measure>>) => ({
  engine: describeEngine(engine),
  why: engine.why,
  promptTokensPerSecond: (1000 * answer.promptTokens) / answer.promptMs!,
  tokensPerSecond: (1000 * answer.completionTokens) / answer.completionMs!,
});

function agreeing(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((token, index) => token !== b[index]);
  return differs < 0 ? a.length : differs;
}

/** Largest difference of a probability, mean KL in nats per token, and how often the likeliest token is the same. */
function compare(before: readonly Float32Array[], after: readonly Float32Array[]) {
  let [largest, kl, same] = [0, 0, 0];
  for (const [place, row] of before.entries()) {
    const other = after[place]!;
    row.forEach((chance, token) => {
      largest = Math.max(largest, Math.abs(chance - other[token]!));
      if (chance > 0) kl += chance * Math.log(chance / Math.max(other[token]!, 1e-30));
    });
    same += Number(likeliest(row) === likeliest(other));
  }
  return { places: before.length, largest, kl: kl / before.length, sameLikeliest: same };
}

const likeliest = (row: Float32Array): number =>
  row.reduce((best, chance, token) => (chance > row[best]! ? token : best), 0);
