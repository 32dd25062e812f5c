/** llama.cpp in this process: one base in memory, many adapters on it, a context per model that is in use. */
import { availableParallelism } from 'node:os';
import type { LlamaModel } from 'node-llama-cpp';
import { loadLlamaModel } from '../base-models/llama.ts';
import { reportError, UserError } from '../protocol/errors.ts';
import { checkAdapter, checkModel } from './adapter-check.ts';
import { BatchSampler, defaultSampling } from './batch-sampler.ts';
import { EngineModel } from './engine-model.ts';
import {
  BASE_MODEL,
  type AdapterFile,
  type HostCompletion,
  type HostRequest,
  type HostStatistics,
  type LlamaHost,
  type LlamaHostOptions,
} from './host-types.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

export * from './host-types.ts';

const DEFAULT_CONTEXT = 2048;

/**
 * Opens a base with its adapters and whole models. Only the base is loaded at once; what an adapter or model needs
 * is made when it is first asked for. Adapter files are checked against the base before anything is offered.
 * Throws UserError: `base-not-found`, `base-not-gguf` and kin, `adapter-mismatch`, `adapter-damaged`, `bad-argument` (a name twice).
 */
export async function openLlamaHost(options: LlamaHostOptions): Promise<LlamaHost> {
  const { basePath, adapters = [], models = [] } = options;
  const names = [
    BASE_MODEL,
    ...adapters.map((adapter) => adapter.name),
    ...models.map((model) => model.name),
  ];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new UserError(
      'bad-argument',
      `"${twice}" names more than one model.`,
      `Give each adapter a name of its own; "${BASE_MODEL}" is the base's.`,
    );
  await checkModel(basePath);
  for (const adapter of adapters) await checkAdapter(adapter.path, basePath);
  for (const model of models) await checkModel(model.path);
  return Host.open(options, names);
}

/**
 * Threads for a context: half the cores. Measured with SmolLM2-135M Q4_1 on 2 cores: one sequence generates 80-106 tokens/s
 * on 1 thread and 50-66 on 2; eight at once 164 on 1 thread, and on 2 anything from 180 down to 21 as soon as another
 * process works beside it, since llama.cpp's threads wait for each other spinning.
 */
export function defaultThreads(cores = availableParallelism()): number {
  return Math.max(1, Math.floor(cores / 2));
}

interface Loaded {
  model: LlamaModel;
  vocabulary: Vocabulary;
}

class Host implements LlamaHost {
  readonly statistics: HostStatistics = {
    requests: 0,
    cancelled: 0,
    trimmedPrompts: 0,
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    active: 0,
  };
  private readonly engines = new Map<string, Promise<EngineModel>>();
  private readonly samplers = new Map<string, Promise<BatchSampler>>();
  private readonly wholeModels = new Map<string, Promise<Loaded>>();

  private constructor(
    private readonly options: LlamaHostOptions,
    readonly models: readonly string[],
    private readonly base: Loaded,
  ) {}

  static async open(options: LlamaHostOptions, names: readonly string[]): Promise<Host> {
    return new Host(options, names, await load(options.basePath));
  }

  get fillInTheMiddle(): boolean {
    return this.base.vocabulary.fill !== undefined;
  }

  get contextSize(): number {
    return Math.min(this.options.contextSize ?? DEFAULT_CONTEXT, this.base.model.trainContextSize);
  }

  encode(text: string): Int32Array {
    return Int32Array.from(this.base.model.tokenize(text, false));
  }

  complete(
    request: HostRequest,
    signal?: AbortSignal,
    onText?: (piece: string) => void,
  ): Promise<HostCompletion> {
    return this.counted(signal, async () =>
      (await this.engine(request.model)).complete(request, signal, onText),
    );
  }

  sample(request: HostRequest, signal?: AbortSignal): Promise<HostCompletion> {
    return this.counted(signal, async () => (await this.sampler(request.model)).sample(request, signal));
  }

  private async counted(
    signal: AbortSignal | undefined,
    work: () => Promise<HostCompletion>,
  ): Promise<HostCompletion> {
    this.statistics.requests += 1;
    this.statistics.active += 1;
    try {
      const completion = await work();
      this.statistics.promptTokens += completion.promptTokens;
      this.statistics.cachedTokens += completion.cachedTokens;
      this.statistics.completionTokens += completion.completionTokens;
      if (completion.trimmedTokens > 0) this.statistics.trimmedPrompts += 1;
      return completion;
    } catch (error) {
      if (signal?.aborted) this.statistics.cancelled += 1;
      throw error;
    } finally {
      this.statistics.active -= 1;
    }
  }

  async distributions(model: string, tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array[]> {
    return (await this.engine(model)).distributions(tokens, signal);
  }

  private engine(name: string): Promise<EngineModel> {
    const { sequences = 1, threads = defaultThreads() } = this.options;
    const options = { contextSize: this.contextSize, sequences, threads };
    return this.open(this.engines, name, ({ model, vocabulary, adapter }) =>
      EngineModel.open(model, vocabulary, options, adapter),
    );
  }

  private sampler(name: string): Promise<BatchSampler> {
    const options = { ...defaultSampling(), ...this.options.sampling, contextSize: this.contextSize };
    return this.open(this.samplers, name, ({ model, vocabulary, adapter }) =>
      BatchSampler.open(model, vocabulary, options, adapter),
    );
  }

  /** What computes a model, made on first use; one that could not be made is tried again next time. */
  private open<Engine>(
    opened: Map<string, Promise<Engine>>,
    name: string,
    make: (parts: Loaded & { adapter?: AdapterFile }) => Promise<Engine>,
  ): Promise<Engine> {
    let engine = opened.get(name);
    if (!engine) {
      const adapter = this.options.adapters?.find((candidate) => candidate.name === name);
      engine = adapter
        ? make({ ...this.base, adapter }).catch((error: unknown) => Promise.reject(damaged(adapter, error)))
        : this.model(name).then(make);
      opened.set(name, engine);
      engine.catch(() => opened.delete(name));
    }
    return engine;
  }

  private async model(name: string): Promise<Loaded> {
    if (name === BASE_MODEL) return this.base;
    const whole = this.options.models?.find((candidate) => candidate.name === name);
    if (!whole)
      throw new UserError(
        'bad-request',
        `There is no model "${name}" here.`,
        `Ask for one of: ${this.models.join(', ')}.`,
      );
    let loaded = this.wholeModels.get(name);
    if (!loaded) {
      loaded = load(whole.path);
      this.wholeModels.set(name, loaded);
      loaded.catch(() => this.wholeModels.delete(name));
    }
    return loaded;
  }

  async dispose(): Promise<void> {
    for (const engine of [...this.engines.values(), ...this.samplers.values()])
      await engine.then((opened) => opened.dispose()).catch(() => undefined);
    this.engines.clear();
    this.samplers.clear();
    for (const loaded of this.wholeModels.values())
      await loaded.then(({ model }) => model.dispose()).catch(() => undefined);
    await this.base.model.dispose();
  }
}

function damaged({ name, path }: AdapterFile, error: unknown): UserError {
  return new UserError(
    'adapter-damaged',
    `llama.cpp could not load the adapter "${name}" (${path}): ${reportError(error).message.replace(/\.$/, '')}.`,
    'Export it again from its run.',
    { cause: error },
  );
}

async function load(path: string): Promise<Loaded> {
  try {
    const model = await loadLlamaModel({ modelPath: path });
    return { model, vocabulary: readVocabulary(model) };
  } catch (error) {
    throw new UserError(
      'base-unsupported-architecture',
      `llama.cpp can't load ${path}: ${reportError(error).message}.`,
      'Choose another base, or fetch this one again.',
      { cause: error },
    );
  }
}
