/**
 * Sampling in parallel compared with one sequence after another: `npm run bench:sampling -- [--problems 164]
 * [--samples 20]`.
 *
 * Uses HumanEval's prompts, sampled as in the paper. Alone: a few of the problems on one sequence, which keeps a
 * prompt's keys and values from sample to sample, with the fastest number of threads. Together: all problems at once.
 * The order is alone, together, alone, so that a slowdown of the machine shows. Measured: tokens written per second,
 * including the time to read the prompts.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { spread } from '../src/statistics/statistics.ts';
import { humanevalPrompt, loadProblems, STOP } from '../src/evaluation/tasks/humaneval.ts';
import { openLlamaHost, type HostCompletion, type HostRequest } from '../src/serving/engine/llama-host.ts';

const options = {
  base: { type: 'string', default: 'smollm2-135m' },
  adapter: { type: 'string' },
  problems: { type: 'string', default: '32' },
  alone: { type: 'string', default: '4' },
  samples: { type: 'string', default: '20' },
  tokens: { type: 'string', default: '256' },
  temperature: { type: 'string', default: '0.2' },
  lanes: { type: 'string' },
  sequences: { type: 'string' },
  threads: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

interface Rate {
  tokens: number;
  seconds: number;
  tokensPerSecond: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const host = await openLlamaHost({
    basePath: (await resolveBase(values.base)).path,
    adapters: values.adapter ? [{ name: 'adapter', path: values.adapter }] : [],
    contextSize: 1024,
    sampling: Object.fromEntries(
      (['lanes', 'sequences', 'threads'] as const)
        .filter((name) => values[name] !== undefined)
        .map((name) => [name, Number(values[name])]),
    ),
  });
  try {
    const few = await requests(Number(values.alone), values);
    const many = await requests(Number(values.problems), values);
    const oneByOne = async () => {
      const completions: HostCompletion[] = [];
      for (const request of few) completions.push(await host.complete(request));
      return completions;
    };
    const first = await timed(oneByOne);
    const together = await timed(() => Promise.all(many.map((request) => host.sample(request))));
    const second = await timed(oneByOne);
    show([first, second], together, values.json);
  } finally {
    await host.dispose();
  }
}

/** Requests for samples of `problems` problems, spread evenly over all of them. */
async function requests(
  problems: number,
  values: { adapter?: string; samples: string; tokens: string; temperature: string },
): Promise<HostRequest[]> {
  const prompts = (await loadProblems()).map(humanevalPrompt);
  const n = Number(values.samples);
  return spread(prompts.length, problems).flatMap((index) =>
    Array.from({ length: n }, (_, sample) => ({
      model: values.adapter ? 'adapter' : 'base',
      prompt: prompts[index]!,
      maxTokens: Number(values.tokens),
      temperature: Number(values.temperature),
      topP: 0.95,
      stop: STOP,
      seed: index * n + sample,
    })),
  );
}

async function timed(work: () => Promise<HostCompletion[]>): Promise<Rate> {
  const began = performance.now();
  const completions = await work();
  const seconds = (performance.now() - began) / 1000;
  const tokens = completions.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  return { tokens, seconds: Math.round(seconds), tokensPerSecond: Math.round(tokens / seconds) };
}

function show(alone: readonly [Rate, Rate], together: Rate, json: boolean): void {
  const best = Math.max(...alone.map(({ tokensPerSecond }) => tokensPerSecond));
  const ratio = Number((together.tokensPerSecond / best).toFixed(2));
  if (json) return console.log(JSON.stringify({ cores: availableParallelism(), alone, together, ratio }));
  const line = (name: string, { tokens, seconds, tokensPerSecond }: Rate) =>
    console.log(`${name}  ${String(tokensPerSecond).padStart(5)} tokens/s  (${tokens} in ${seconds} s)`);
  line('one after another', alone[0]);
  line('together         ', together);
  line('one after another', alone[1]);
  console.log(`ratio to the faster of the two: ${ratio}`);
}
