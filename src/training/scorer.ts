/** Reading base and result with the trainer's own arithmetic: losses, distributions, KL. No dropout, f32. */
import { openGguf } from '../gguf/index.ts';
import { readAdapterGguf, type Adapter } from '../export/index.ts';
import { linearNames, loadModel, readConfig, type Llama, type ModelOptions } from '../model/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { BackendName } from '../protocol/run.ts';
import { startBackend, type Backend } from '../tensor/index.ts';

export type Which = 'base' | 'result';

export interface Scorer {
  readonly backend: Backend;
  /** Nats for each token after the first: length T - 1. */
  tokenLosses(tokens: Int32Array, which: Which, starts?: Int32Array): Promise<Float32Array>;
  /** KL(base || result) after each token, nats: length T. */
  tokenKl(tokens: Int32Array): Promise<Float32Array>;
  /** The distribution after each token: T rows of the vocabulary. */
  probabilities(tokens: Int32Array, which: Which): Promise<Float32Array[]>;
  dispose(): void;
}

export interface ScorerOptions {
  basePath: string;
  /** LoRA's result. Without it and `modelPath`, base and result are the same. */
  adapterPath?: string | undefined;
  /** Full fine-tuning's result. */
  modelPath?: string | undefined;
  backend: Backend | 'auto' | BackendName;
}

/** Throws UserErrors about the files and the backend. */
export async function openScorer({
  basePath,
  adapterPath,
  modelPath,
  backend,
}: ScorerOptions): Promise<Scorer> {
  const started = typeof backend === 'string' ? await startBackend(backend) : backend;
  if (!modelPath) {
    const model = await loadAdapted(started, basePath, adapterPath);
    return adaptedScorer(started, model);
  }
  const base = await loadAdapted(started, basePath, undefined);
  try {
    return comparedScorer(started, base, await loadAdapted(started, modelPath, undefined));
  } catch (error) {
    base.dispose();
    throw error;
  }
}

/** One model, with its adapter on or off. */
function adaptedScorer(backend: Backend, model: Llama): Scorer {
  return {
    backend,
    tokenLosses: (tokens, which, starts) =>
      model.tokenLosses(tokens, { base: which === 'base', ...(starts && { starts }) }),
    tokenKl: (tokens) => model.tokenKl(tokens),
    probabilities: (tokens, which) => model.probabilities(tokens, which === 'base'),
    dispose: () => model.dispose(),
  };
}

/** Two models side by side. */
function comparedScorer(backend: Backend, base: Llama, result: Llama): Scorer {
  const of = (which: Which) => (which === 'base' ? base : result);
  return {
    backend,
    tokenLosses: (tokens, which, starts) => of(which).tokenLosses(tokens, { ...(starts && { starts }) }),
    tokenKl: (tokens) => base.klTo(result, tokens),
    probabilities: (tokens, which) => of(which).probabilities(tokens),
    dispose: () => {
      base.dispose();
      result.dispose();
    },
  };
}

async function loadAdapted(
  backend: Backend,
  basePath: string,
  adapterPath: string | undefined,
): Promise<Llama> {
  const gguf = await openGguf(basePath);
  try {
    const adapter = adapterPath ? await readAdapterGguf(adapterPath, gguf) : undefined;
    const model = await loadModel(backend, gguf, optionsFor(adapter, linearNames(readConfig(gguf))));
    if (adapter) putAdapter(model, adapter);
    return model;
  } finally {
    await gguf.close();
  }
}

/** Room for every layer of the adapter: the largest rank there is. */
function optionsFor(adapter: Adapter | undefined, linears: string[]): ModelOptions {
  const common = { dropout: 0, seed: 0, precision: 'f32' } as const;
  if (!adapter) return { ...common, method: 'none', rank: 1, alpha: 1, targets: [] };
  const rank = Math.max(...adapter.layers.map((layer) => layer.rank));
  const targets = adapter.layers.map(({ name }) => name);
  const strange = targets.find((name) => !linears.includes(name));
  if (strange)
    throw new UserError(
      'adapter-mismatch',
      `The adapter changes ${strange}, which is none of the seven linears.`,
      'Use an adapter of the linears only.',
    );
  return { ...common, method: 'lora', rank, anyRank: true, alpha: adapter.alpha, targets };
}

/** Layers of a smaller rank are padded with zeros, their B scaled to their own alpha / rank. */
function putAdapter(model: Llama, adapter: Adapter): void {
  const rank = Math.max(...adapter.layers.map((layer) => layer.rank));
  for (const layer of adapter.layers) {
    const a = new Float32Array(rank * layer.in);
    a.set(layer.a);
    const b = new Float32Array(layer.out * rank);
    for (let row = 0; row < layer.out; row += 1)
      for (let column = 0; column < layer.rank; column += 1)
        b[row * rank + column] = (layer.b[row * layer.rank + column]! * rank) / layer.rank;
    model.write(`${layer.name}.lora_a`, a);
    model.write(`${layer.name}.lora_b`, b);
  }
}
