/** The model's part of next edit, through the completion server as in the extension. */
import { findNode } from '../../src/platform/processes/node.ts';
import { resolveBase } from '../../src/base-models/resolve.ts';
import { askModel, offerFrom, type Asking } from '../../src/next-edit-finder/ask-model.ts';
import { toOffer } from '../../src/next-edit/index.ts';
import { BASE_MODEL } from '../../src/protocol/server.ts';
import { ServingClient } from '../../src/serving/client/client.ts';
import type { AskModel } from './simulate.ts';

interface ModelOptions {
  base: string;
  /** A GGUF adapter; by default the base answers. */
  adapter: string | undefined;
  asking: Asking;
  /** Include unlikely answers, to measure their precision. */
  all: boolean;
  threads: string | undefined;
  /** Maximum number of requests to the model; after that, only the rules make offers. */
  most: number;
}

const ADAPTER = 'adapter';

export async function openModel({ base, adapter, asking, all, threads, most }: ModelOptions): Promise<{
  ask: AskModel;
  /** Milliseconds of each answer. */
  times: number[];
  dispose(): Promise<void>;
}> {
  const { path } = await resolveBase(base);
  const serving = new ServingClient({
    node: () => findNode(),
    script: 'dist/server.mjs',
    base: path,
    args: ['--gpu', 'off', '--timeout', '3600', ...(threads ? ['--threads', threads] : [])],
    idleMinutes: 10,
  });
  await serving.start();
  if (adapter) await serving.addAdapter({ name: ADAPTER, path: adapter });
  const times: number[] = [];
  const signal = new AbortController().signal;
  const options = {
    serving,
    asking,
    signal,
    model: adapter ? ADAPTER : BASE_MODEL,
    nameOf: (name: string) => name,
    ...(all ? { minConfidence: 0 } : {}),
  };
  return {
    times,
    dispose: () => serving.dispose(),
    ask: async (candidate) => {
      if (times.length >= most) return undefined;
      const begun = performance.now();
      const answered = await askModel(candidate, options);
      times.push(performance.now() - begun);
      process.stderr.write('.');
      if (!answered) return undefined;
      const { line, logprob } = answered;
      const offer = all ? toOffer(candidate, line) : offerFrom(candidate, answered, asking);
      return offer && { offer, logprob };
    },
  };
}
