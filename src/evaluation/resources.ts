/**
 * A base and its trained result, as an evaluation uses them: opened when first needed. Unless there is plenty of
 * memory, llama.cpp and the trainer's model take turns in it, so that measuring a result needs no more memory than
 * training it.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examine } from '../base-models/checksums.ts';
import { openTokenizer, type Tokenizer } from '../llama-cpp/tokenizer.ts';
import { openCorpus, type Corpus } from '../corpus/index.ts';
import { readHeader } from '../gguf/index.ts';
import { readConfig } from '../model/index.ts';
import { availableMemory } from '../platform/machine/available-memory.ts';
import { msg, UserError } from '../text/errors.ts';
import {
  artefactName,
  EARLIER_ADAPTER,
  earlierAdapterName,
  type Hyper,
  type RunSpec,
} from '../protocol/run.ts';
import { BASE_MODEL, openLlamaHost, type AdapterFile, type LlamaHost } from '../serving/host/llama-host.ts';
import { scoringPrecision, type ScoredModel } from '../training/scorer.ts';
import { openSandbox, type Sandbox } from './sandbox/sandbox.ts';
import { ScorerProcess } from './scorer/process.ts';
import { makeTemporaryFolder } from '../runs/temporary-folders.ts';
import { exportBetween } from '../weights/strength.ts';
import type { EvaluatedModel } from './task.ts';
import { Resource, MemoryTurns } from './turns.ts';
import { removeFolder } from '../platform/files/write-file.ts';

const RESULT_MODEL = 'result';
const EARLIER_MODEL = 'earlier';
/** Their names in llama.cpp's host. */
const hostNames = { base: BASE_MODEL, result: RESULT_MODEL, earlier: EARLIER_MODEL };
const servedName = (which: ScoredModel, strength = 1): string =>
  strength === 1 ? hostNames[which] : `${hostNames[which]} at ${strength}`;
type ServedAndTrained = Record<'served' | 'trained', Float32Array[]>;
/** Tokens; HumanEval's longest prompt and its answer fit. */
const CONTEXT = 1024;
/**
 * A second resource fits if this many times the size of the base's file is free: the trainer's model in f32 takes up to
 * seven times the size of a 4-bit file.
 */
const ROOM = 10;

/** Another backend than the run's is used if that one is missing. */
export interface Subject extends Pick<RunSpec, 'base' | 'backend' | 'device' | 'planned'> {
  /** The precision it was trained in. Default f32. */
  precision?: Hyper['precision'];
  /**
   * The adapter or whole model trained on the base. Its file is hashed (and the hash cached) unless its sha256 is
   * given.
   */
  result?: { id: string; adapterPath?: string; modelPath?: string; sha256?: string };
  /** The adapter that training began with: of the run that this run continues, or the base's reference adapter. */
  earlier?: { id: string; path: string };
}

/** A run's base and its result. Errors: run-not-finished. */
export function runSubject(dir: string, spec: RunSpec): Subject {
  const { id, hyper } = spec;
  const path = join(dir, artefactName({ hyper }));
  if (!existsSync(path))
    throw new UserError(
      'run-not-finished',
      msg`Run ${id} has no result yet.`,
      msg`Resume it with {resume ${id}}, then evaluate it; or measure a checkpoint with --checkpoint STEP.`,
    );
  return {
    ...baseSubject(dir, spec),
    result: { id, ...artefactPaths(path, hyper) },
  };
}

/** A run's base, and the adapter that training began with. */
export function baseSubject(dir: string, spec: RunSpec): Subject {
  const { base, backend, device, planned, hyper } = spec;
  const id = earlierAdapterName(spec);
  return {
    ...{ base, backend, device, planned, precision: hyper.precision },
    ...(id !== undefined && { earlier: { id, path: join(dir, EARLIER_ADAPTER) } }),
  };
}

/** Reads a run's corpus at the first call. */
export function lazyCorpus(dir: string): () => Promise<Corpus> {
  let opened: Promise<Corpus> | undefined;
  return () => (opened ??= openCorpus(join(dir, 'corpus')));
}

/** The result's file as an adapter or as a model, depending on the method. */
export const artefactPaths = (path: string, { method }: Pick<Hyper, 'method'>) =>
  method === 'lora' ? { adapterPath: path } : { modelPath: path };

export class Resources {
  private opened: {
    tokenizer?: Promise<Tokenizer>;
    sandbox?: Promise<Sandbox>;
    contextLength?: Promise<number>;
    precision?: Promise<Hyper['precision']>;
  } = {};
  private readonly turns = new MemoryTurns(() => this.hasRoom());
  private readonly host = new Resource(() => this.openHost());
  /** The trainer's own model. */
  private readonly scorer = new Resource(() => this.openScorer(this.subject.precision ?? 'f32'));
  /** The same in f32. */
  private readonly exactScorer = new Resource(() => this.openScorer('f32'));
  /** Strengths besides that of the file at which llama.cpp serves the result's adapter. */
  private readonly strengths = new Set<number>();
  /** Where scaled adapters are written. */
  private folder: Promise<string> | undefined;
  readonly base: EvaluatedModel;

  constructor(
    private readonly subject: Subject,
    /** Maximum tokens of a sampled prompt and its answer. */
    private readonly contextSize = CONTEXT,
  ) {
    const { id, sha256 } = subject.base;
    this.base = this.model({ name: id, digest: sha256 }, 'base');
  }

  /** The result. `strength`: a factor on that of the adapter's file. */
  async result(strength = 1): Promise<EvaluatedModel> {
    const { base, result } = this.subject;
    if (!result) throw new Error(`nothing was trained on ${base.id}`);
    const path = (result.adapterPath ?? result.modelPath)!;
    const sha256 = result.sha256 ?? (await examine(path)).sha256;
    const scaled = strength === 1 ? '' : ` at ${strength}`;
    if (scaled) await this.serveAt(strength);
    const from =
      scaled && this.subject.earlier ? ` from ${(await examine(this.subject.earlier.path)).sha256}` : '';
    const digest = createHash('sha256').update(`${base.sha256} ${sha256}${scaled}${from}`).digest('hex');
    return this.model({ name: result.id, digest }, 'result', strength);
  }

  /** Makes llama.cpp serve the adapter at this strength as well. */
  private async serveAt(strength: number): Promise<void> {
    this.strengths.add(strength);
    const host = await this.host.inMemory;
    for (const adapter of host ? await this.scaledAdapters() : [])
      if (!host!.models.includes(adapter.name)) await host!.addAdapter(adapter);
  }

  private async scaledAdapters(): Promise<AdapterFile[]> {
    const { result, earlier } = this.subject;
    const path = result?.adapterPath;
    if (!path) return [];
    const adapters = [...this.strengths].map((scale) => ({ name: servedName('result', scale), path, scale }));
    return earlier ? Promise.all(adapters.map((one) => this.exportScaled(one, earlier))) : adapters;
  }

  /** llama.cpp can only scale a whole adapter, so one between its start and its end is written. */
  private async exportScaled(
    { name, path, scale }: Required<AdapterFile>,
    { path: start }: { path: string },
  ): Promise<AdapterFile> {
    this.folder ??= makeTemporaryFolder(tmpdir(), 'measuring');
    const to = join(await this.folder, `${scale}.gguf`);
    if (!existsSync(to)) await exportBetween(to, { start, end: path }, scale);
    return { name, path: to };
  }

  /**
   * What the result is compared with on the user's text (`beforeOf` the run): the adapter that training began with, as
   * it was served, or else the base.
   */
  async before(): Promise<EvaluatedModel> {
    const { base, earlier } = this.subject;
    if (!earlier) return this.base;
    const { sha256 } = await examine(earlier.path);
    const digest = createHash('sha256').update(`${base.sha256} ${sha256}`).digest('hex');
    return this.model({ name: earlier.id, digest }, 'earlier');
  }

  private openScorer(precision: Hyper['precision']): Promise<ScorerProcess> {
    const { base, backend, device, planned, result, earlier } = this.subject;
    const { adapterPath, modelPath } = result ?? {};
    const paths = { basePath: base.path, adapterPath, modelPath, earlierPath: earlier?.path };
    return ScorerProcess.open({ ...paths, backend, device, planned, precision });
  }

  /** Starts a backend only if needed, to find out which precisions it has. */
  private precision(): Promise<Hyper['precision']> {
    const { precision = 'f32' } = this.subject;
    if (precision === 'f32') return Promise.resolve(precision);
    if (!this.opened.precision) {
      const found = this.turns.use(this.scorer, (scorer) =>
        Promise.resolve(scoringPrecision(scorer, precision)),
      );
      found.catch(() => delete this.opened.precision);
      this.opened.precision = found;
    }
    return this.opened.precision;
  }

  private async openHost(): Promise<LlamaHost> {
    const { base, result, earlier } = this.subject;
    const { adapterPath, modelPath } = result ?? {};
    return openLlamaHost({
      basePath: base.path,
      adapters: [
        ...(adapterPath ? [{ name: RESULT_MODEL, path: adapterPath }] : []),
        ...(earlier ? [{ name: EARLIER_MODEL, path: earlier.path }] : []),
        ...(await this.scaledAdapters()),
      ],
      models: modelPath ? [{ name: RESULT_MODEL, path: modelPath }] : [],
      sampling: { contextSize: Math.max(CONTEXT, this.contextSize) },
      threads: 'measure',
    });
  }

  tokenizer(): Promise<Tokenizer> {
    return (this.opened.tokenizer ??= openTokenizer(this.subject.base.path));
  }

  sandbox(): Promise<Sandbox> {
    return (this.opened.sandbox ??= openSandbox());
  }

  /**
   * The distributions after each token, as served and as trained: the result's and, for an adapter, also its base's. An
   * adapter's are computed in f32, whatever precision it was trained in: with bf16, rounding alone moves a 1.5B model
   * further than a wrong file would have to.
   */
  async distributions(
    tokens: Int32Array,
    signal?: AbortSignal,
  ): Promise<{ result: ServedAndTrained; base: ServedAndTrained | undefined }> {
    const isAdapter = this.subject.result?.adapterPath !== undefined;
    const rounded = (await this.precision()) !== 'f32' && isAdapter;
    const scorer = rounded ? this.exactScorer : this.scorer;
    const kinds = isAdapter ? (['result', 'base'] as const) : (['result'] as const);
    const served = await this.serve((host) =>
      Promise.all(kinds.map((kind) => host.distributions(hostNames[kind], tokens, signal))),
    );
    const trained = await this.score(
      (opened) => Promise.all(kinds.map((kind) => opened.probabilities(tokens, kind))),
      1,
      scorer,
    );
    if (rounded) await this.turns.close(this.exactScorer);
    const [result, base] = kinds.map((_, at) => ({ served: served[at]!, trained: trained[at]! }));
    return { result: result!, base };
  }

  private async hasRoom(): Promise<boolean> {
    const { size } = await stat(this.subject.base.path);
    return (await availableMemory()) > ROOM * size;
  }

  private serve<T>(work: (host: LlamaHost) => Promise<T>): Promise<T> {
    return this.turns.use(this.host, work);
  }

  private score<T>(
    work: (scorer: ScorerProcess) => Promise<T>,
    strength = 1,
    resource: Resource<ScorerProcess> = this.scorer,
  ): Promise<T> {
    return this.turns.use(resource, (scorer) => {
      // Calls are executed in order, so this precedes `work`.
      const set = scorer.setStrength(strength);
      return Promise.all([work(scorer), set]).then(([result]) => result);
    });
  }

  private model(
    names: Pick<EvaluatedModel, 'name' | 'digest'>,
    which: ScoredModel,
    strength?: number,
  ): EvaluatedModel {
    const served = servedName(which, strength);
    return {
      ...names,
      tokenizer: () => this.tokenizer(),
      contextLength: () => (this.opened.contextLength ??= readContextLength(this.subject.base.path)),
      fillsInTheMiddle: async () => (await this.tokenizer()).fim !== undefined,
      complete: (request, signal) => this.serve((host) => host.sample({ ...request, model: served }, signal)),
      completeAlone: (request, signal) =>
        this.serve((host) => host.complete({ ...request, model: served }, signal)),
      tokenLosses: (tokens, options) =>
        this.score((scorer) => scorer.tokenLosses(tokens, which, options), strength),
      predictions: (tokens, last) =>
        this.score((scorer) => scorer.predictions(tokens, which, last), strength),
      klFromBase: (tokens) =>
        which === 'base'
          ? Promise.resolve(new Float32Array(tokens.length))
          : this.score((scorer) => scorer.tokenKl(tokens, which), strength),
      expectKl: (texts) =>
        which === 'base' ? Promise.resolve() : this.score((scorer) => scorer.prepareKl(texts)),
      precision: () => this.precision(),
      releaseMemory: async () => (await this.host.inMemory)?.unload(served),
    };
  }

  async dispose(): Promise<void> {
    const { tokenizer, sandbox } = this.opened;
    this.opened = {};
    await this.turns.dispose();
    // What was measured counts; a folder that is left is removed at the next start.
    await this.folder?.then(removeFolder).catch(() => undefined);
    for (const resource of [tokenizer, sandbox])
      await resource?.then((opened) => opened.dispose()).catch(() => undefined);
  }
}

async function readContextLength(path: string): Promise<number> {
  const gguf = await readHeader(path);
  return readConfig(gguf).contextLength;
}
