/**
 * Computes losses, distributions and KL of base and result with the trainer's own arithmetic and precision, without
 * dropout.
 */
import { withGguf } from '../gguf/index.ts';
import { interpolate, readAdapterGguf, type Adapter } from '../weights/index.ts';
import {
  linearNames,
  loadHead,
  loadModel,
  readConfig,
  type LoadedHead,
  type LossOptions,
  type Llama,
  type ModelOptions,
  type Predictions,
} from '../model/index.ts';
import { UserError } from '../text/errors.ts';
import type { BackendName, Hyper } from '../protocol/run.ts';
import { startBackend, type Backend } from '../tensor/index.ts';

/** `earlier`: the adapter that completed before training. */
export type ScoredModel = 'base' | 'result' | 'earlier';

export interface Scorer {
  readonly backend: Backend;
  /** Loss in nats of each token after the first (length T - 1), or only of the last ones. */
  tokenLosses(tokens: Int32Array, which: ScoredModel, options?: LossOptions): Promise<Float32Array>;
  /** Losses of the `last` tokens, and what the model would have written in their place. */
  predictions(tokens: Int32Array, which: ScoredModel, last: number): Promise<Predictions>;
  /** KL(base || model) in nats after each token: length T. */
  tokenKl(tokens: Int32Array, which: ScoredModel): Promise<Float32Array>;
  /** If base and result take turns in memory, computes the base's part of the KL for all these texts at once. */
  prepareKl(texts: readonly Int32Array[]): Promise<void>;
  /** The distribution after each token: T rows, each as long as the vocabulary. */
  probabilities(tokens: Int32Array, which: ScoredModel): Promise<Float32Array[]>;
  /**
   * Multiplies what the adapter has learned by `strength` from now on; 1 is as opened. No effect without an adapter; a
   * whole model allows only 1.
   */
  setStrength(strength: number): void;
  dispose(): void;
}

export interface ScorerOptions {
  basePath: string;
  /** LoRA's result. Without this and `modelPath`, base and result are the same. */
  adapterPath?: string | undefined;
  /** The adapter that training began with, of the same shape: the result's strength 0. Default: the base. */
  earlierPath?: string | undefined;
  /** The result of full fine-tuning. */
  modelPath?: string | undefined;
  backend: Backend | 'auto' | BackendName;
  /** Precision of weights and large matrix products; f32 if the backend has no other. Default f32. */
  precision?: Hyper['precision'];
}

/** Throws UserErrors about the files and the backend. */
export async function openScorer({
  basePath,
  adapterPath,
  earlierPath,
  modelPath,
  backend,
  precision: wanted = 'f32',
}: ScorerOptions): Promise<Scorer> {
  const started = typeof backend === 'string' ? await startBackend(backend) : backend;
  const precision = scoringPrecision(started, wanted);
  if (modelPath) return new AlternatingScorer(started, { base: basePath, result: modelPath }, precision);
  const earlier = earlierPath ? await readAdapterGguf(earlierPath) : undefined;
  const loaded = await loadAdapted(started, basePath, adapterPath ?? earlierPath, precision);
  return adaptedScorer(started, loaded, earlier);
}

/** The precision that a run of this precision is scored in. */
export const scoringPrecision = (
  { precisions }: Pick<Backend, 'precisions'>,
  wanted: Hyper['precision'],
): Hyper['precision'] => precisions.find((precision) => precision === wanted) ?? 'f32';

/** One model, with its adapter on or off, or with an earlier adapter in its place. */
function adaptedScorer(backend: Backend, { model, adapter }: AdaptedModel, earlier?: Adapter): Scorer {
  let strength = 1;
  let inPlace = { adapter, strength };
  /** The last adapter between the earlier one and the result, since strengths take turns. */
  let between = { adapter, strength };
  const resultNow = () => {
    if (!earlier || !adapter || strength === 1) return { adapter, strength };
    if (between.strength !== strength)
      between = { adapter: interpolate(earlier, adapter, strength), strength };
    return { adapter: between.adapter, strength: 1 };
  };
  // The model's scale is set by the result's alpha.
  const earlierStrength = earlier && adapter ? earlier.alpha / adapter.alpha : 1;
  const select = (which: ScoredModel) => {
    const wanted = which === 'earlier' ? { adapter: earlier, strength: earlierStrength } : resultNow();
    if (which === 'base' || !wanted.adapter) return model;
    if (wanted.adapter !== inPlace.adapter) putAdapter(model, wanted.adapter, wanted.strength);
    else if (wanted.strength !== inPlace.strength) putB(model, wanted.adapter, wanted.strength);
    inPlace = wanted;
    return model;
  };
  return {
    backend,
    tokenLosses: (tokens, which, options) =>
      select(which).tokenLosses(tokens, { ...options, base: which === 'base' }),
    predictions: (tokens, which, last) => select(which).predictions(tokens, { last, base: which === 'base' }),
    tokenKl: (tokens, which) => select(which).tokenKl(tokens),
    prepareKl: () => Promise.resolve(),
    probabilities: (tokens, which) => select(which).probabilities(tokens, which === 'base'),
    setStrength: (wanted) => void (strength = wanted),
    dispose: () => model.dispose(),
  };
}

/**
 * Two whole models that take turns in memory. For a KL, it keeps only the output of the base's last norm (one row per
 * token) and the base's head.
 */
class AlternatingScorer implements Scorer {
  private loaded: { which: ScoredModel; model: Llama } | undefined;
  private head: LoadedHead | undefined;
  private readonly states = new Map<string, Float32Array>();

  constructor(
    readonly backend: Backend,
    private readonly paths: Record<'base' | 'result', string>,
    private readonly precision: Hyper['precision'],
  ) {}

  async tokenLosses(tokens: Int32Array, which: ScoredModel, options?: LossOptions): Promise<Float32Array> {
    return (await this.load(which)).tokenLosses(tokens, options);
  }

  async predictions(tokens: Int32Array, which: ScoredModel, last: number): Promise<Predictions> {
    return (await this.load(which)).predictions(tokens, { last });
  }

  async probabilities(tokens: Int32Array, which: ScoredModel): Promise<Float32Array[]> {
    return (await this.load(which)).probabilities(tokens);
  }

  async prepareKl(texts: readonly Int32Array[]): Promise<void> {
    for (const tokens of texts) {
      const key = tokens.join();
      if (!this.states.has(key)) this.states.set(key, await (await this.load('base')).states(tokens));
    }
  }

  async tokenKl(tokens: Int32Array): Promise<Float32Array> {
    await this.prepareKl([tokens]);
    const key = tokens.join();
    const result = await this.load('result');
    const head = (this.head ??= await withGguf(this.paths.base, (gguf) =>
      loadHead(this.backend, gguf, this.precision),
    ));
    const kl = await result.klFrom(head, this.states.get(key)!, tokens);
    this.states.delete(key);
    return kl;
  }

  setStrength(strength: number): void {
    if (strength !== 1) throw new Error('a whole model has no strength');
  }

  dispose(): void {
    this.loaded?.model.dispose();
    this.loaded = undefined;
    this.head?.dispose();
    this.head = undefined;
  }

  private async load(which: ScoredModel): Promise<Llama> {
    if (which === 'earlier') throw new Error('a whole model begins with no adapter');
    if (this.loaded?.which === which) return this.loaded.model;
    this.loaded?.model.dispose();
    this.loaded = undefined;
    const { model } = await loadAdapted(this.backend, this.paths[which], undefined, this.precision);
    this.loaded = { which, model };
    return model;
  }
}

interface AdaptedModel {
  model: Llama;
  adapter: Adapter | undefined;
}

async function loadAdapted(
  backend: Backend,
  basePath: string,
  adapterPath: string | undefined,
  precision: Hyper['precision'],
): Promise<AdaptedModel> {
  return withGguf(basePath, async (gguf) => {
    const adapter = adapterPath ? await readAdapterGguf(adapterPath, gguf) : undefined;
    const options = optionsFor(adapter, linearNames(readConfig(gguf)));
    const model = await loadModel(backend, gguf, { ...options, precision });
    if (adapter) putAdapter(model, adapter);
    return { model, adapter };
  });
}

/** Model options with room for every layer of the adapter: its largest rank. */
function optionsFor(adapter: Adapter | undefined, linears: string[]): Omit<ModelOptions, 'precision'> {
  const common = { dropout: 0, seed: 0 };
  if (!adapter) return { ...common, method: 'none', rank: 1, alpha: 1, targets: [] };
  const rank = largestRank(adapter);
  const targets = adapter.layers.map(({ name }) => name);
  const strange = targets.find((name) => !linears.includes(name));
  if (strange)
    throw new UserError(
      'adapter-mismatch',
      `The adapter changes ${strange}, which is not one of a block's linear layers.`,
      'Use an adapter that changes only those.',
    );
  return { ...common, method: 'lora', rank, anyRank: true, alpha: adapter.alpha, targets };
}

const largestRank = ({ layers }: Adapter) => Math.max(...layers.map(({ rank }) => rank));

/** Layers of a smaller rank are padded with zeros. */
function putAdapter(model: Llama, adapter: Adapter, strength = 1): void {
  const rank = largestRank(adapter);
  for (const layer of adapter.layers) {
    const a = new Float32Array(rank * layer.in);
    a.set(layer.a);
    model.write(`${layer.name}.lora_a`, a);
  }
  putB(model, adapter, strength);
}

/** Each layer's B, scaled to its own alpha / rank and to `strength`. */
function putB(model: Llama, adapter: Adapter, strength: number): void {
  const rank = largestRank(adapter);
  for (const layer of adapter.layers) {
    const scale = (strength * rank) / layer.rank;
    const b = new Float32Array(layer.out * rank);
    for (let row = 0; row < layer.out; row += 1)
      for (let column = 0; column < layer.rank; column += 1)
        b[row * rank + column] = layer.b[row * layer.rank + column]! * scale;
    model.write(`${layer.name}.lora_b`, b);
  }
}
