/**
 * Learns from how the user treated completions, after a run's ordinary training: KTO on the text at the cursor, with
 * the base (the adapter switched off) as reference. It has no checkpoints: a run that is stopped in this stage repeats
 * it.
 */
import { openTokenizer } from '../../base-models/tokenizer.ts';
import { cursorContinuations, type CursorContinuation } from '../../cursors/continuations.ts';
import { natsToBits, sum, type RatioItem } from '../../statistics/statistics.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { TrainableModel } from '../../model/index.ts';
import { selectVerdicts } from '../../preferences/select.ts';
import { UserError } from '../../protocol/errors.ts';
import { survivingEvents, type NewRunEvent } from '../../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../../protocol/run.ts';
import { readRun } from '../../runs/index.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { createOptimizer, type Optimizer } from '../optimizers.ts';
import { afterGood, afterOverflow, lossScaleFor, type LossScale } from '../loss-scale.ts';
import { learningRateAt } from '../schedule.ts';
import { decide, type Measured } from './decide.ts';
import { SHORT_BUDGET, examplesOf, heldOutOf, parted, type Example } from './examples.ts';
import { classWeights, ktoTerm, referencePoint, type ClassWeights } from './kto.ts';
import {
  BATCH,
  CURSORS,
  judgedAt,
  LEAST_TEXTS,
  MISMATCHED,
  planStage,
  type Material,
  type StagePlan,
} from './plan.ts';

export interface StageOptions {
  dir: string;
  /** The spec with the run's settled learning rate. */
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  /** Changed only if the result of the stage is accepted. */
  model: TrainableModel;
  phase(name: string): Promise<void>;
}

type StageEvent = Omit<Extract<NewRunEvent, { type: 'preferences' }>, 'type'>;

/** The result of the stage, if the run has already been through it. */
export async function learnedBefore(dir: string): Promise<StageEvent | undefined> {
  return survivingEvents((await readRun(dir)).events).findLast((event) => event.type === 'preferences');
}

/**
 * Opened before the ordinary training, so that time is kept for the stage only if it has something to learn. Undefined
 * if the run has no preferences, or too few to learn from, which is recorded in the run.
 */
export async function openStage(
  options: StageOptions,
  corpus: Corpus,
  trainedTokens: number,
): Promise<PreferenceStage | undefined> {
  const { dir, spec, writer } = options;
  if (!spec.preferences || (await learnedBefore(dir))?.taken === false) return undefined;
  const material = await readMaterial(spec, corpus).catch((error: unknown) => {
    if (error instanceof UserError) return error.message;
    throw error;
  });
  const why =
    typeof material === 'string'
      ? material
      : (whyTooLittle(material) ?? whyNoTime(planStage(material, trainedTokens, spec.hyper.seed), spec));
  if (typeof material !== 'string' && !why) return new PreferenceStage(options, material);
  await writer.event({ type: 'preferences', ...nothingLearned(0, why!) });
  return undefined;
}

const nothingLearned = (step: number, why: string): StageEvent => ({
  step,
  taken: false,
  why,
  learned: 0,
  heldOut: 0,
});

/** Why there is too little to learn from. Texts of a single file are all held out, for example. */
const whyTooLittle = ({ training }: Material): string | undefined =>
  training.length < LEAST_TEXTS
    ? `Only ${training.length} texts are left to learn from: the others are from held-out files, or too long.`
    : undefined;

function whyNoTime(plan: ReturnType<typeof planStage>, { minutes, hyper }: RunSpec): string | undefined {
  if (!('needed' in plan)) return undefined;
  const enough =
    minutes === undefined
      ? `${Math.ceil(plan.needed * hyper.steps)} steps`
      : `${Math.ceil(plan.needed * minutes)} minutes`;
  return `A fifth of this run is too short for it: a run of ${enough} would be long enough.`;
}

async function readMaterial(spec: RunSpec, corpus: Corpus): Promise<Material> {
  const verdicts = await selectVerdicts({ ...spec.preferences!, base: spec.base, before: spec.createdAt });
  const tokenizer = await openTokenizer(spec.base.path);
  try {
    const { sequenceLength, seed } = spec.hyper;
    const how = { sequenceLength, wholeRepositories: spec.corpus.repositoryContext };
    const examples = examplesOf(verdicts, tokenizer, how);
    const cursors =
      spec.folder && spec.corpus.mode === 'pretrain'
        ? await cursorContinuations(corpus, tokenizer, spec, CURSORS, { budget: SHORT_BUDGET })
        : [];
    const strengths = judgedAt(spec.evaluation);
    return { ...parted(examples, heldOutOf(corpus, spec), seed), cursors, strengths };
  } finally {
    await tokenizer.dispose();
  }
}

export class PreferenceStage {
  private readonly references = new Map<Example, number>();
  private weights: ClassWeights = { desirable: 1, undesirable: 1 };

  constructor(
    private readonly options: StageOptions,
    private readonly material: Material,
  ) {}

  /**
   * Runs the stage; the model has the weights of step `step`. Returns the result and records it in the run; undefined
   * if `signal` fired first.
   */
  async run(step: number): Promise<StageEvent | undefined> {
    const { phase, writer } = this.options;
    await phase('Learning from your use');
    const event = await this.learned(step);
    if (event) await writer.event({ type: 'preferences', ...event });
    return event;
  }

  private async learned(step: number): Promise<StageEvent | undefined> {
    const { spec, signal } = this.options;
    const plan = planStage(this.material, step * tokensPerStep(spec.hyper), spec.hyper.seed);
    // Training steps took longer than expected.
    if ('needed' in plan) return nothingLearned(step, whyNoTime(plan, spec)!);
    const before = await this.values();
    const decision = await this.learn(plan);
    if (!decision?.taken) this.put(before);
    if (signal.aborted || !decision) return undefined;
    return { step, learned: plan.training.length, heldOut: plan.heldOut.length, ...decision };
  }

  /** Undefined if `signal` fired. */
  private async learn({ training, heldOut }: StagePlan) {
    const desirable = training.filter((one) => one.desirable).length;
    this.weights = classWeights(desirable, training.length - desirable);
    const steps = stepsOf(training);
    if (!(await this.refer([...heldOut, ...steps.flatMap(({ own, mismatched }) => [...own, ...mismatched])])))
      return undefined;
    const before = await this.measure(heldOut);
    if (!before || !(await this.train(steps))) return undefined;
    const after = await this.measure(heldOut);
    return after && decide(before, after);
  }

  /** Computes the base's log-probabilities once. False if `signal` fired. */
  private async refer(examples: readonly Example[]): Promise<boolean> {
    for (const example of examples) {
      if (this.options.signal.aborted) return false;
      this.references.set(example, await this.logProbability(example, true));
    }
    return true;
  }

  private async train(steps: readonly Step[]): Promise<boolean> {
    const { spec, model, writer, signal } = this.options;
    const hyper = { ...spec.hyper, steps: steps.length };
    const optimizer = createOptimizer(model, hyper);
    let lossScale = lossScaleFor(hyper.precision);
    try {
      for (const [index, step] of steps.entries()) {
        if (signal.aborted) return false;
        await writer.state({ phase: `Learning from your use: step ${index + 1} of ${steps.length}` });
        const learningRate = learningRateAt(index + 1, hyper);
        lossScale = await this.update(optimizer, { step, number: index, learningRate }, lossScale);
      }
      return true;
    } finally {
      model.zeroGradients();
      optimizer.dispose();
    }
  }

  /** One step of the optimiser. Returns the loss scale after it. */
  private async update(
    optimizer: Optimizer,
    one: { step: Step; number: number; learningRate: number },
    lossScale: LossScale | undefined,
  ): Promise<LossScale | undefined> {
    const { model, spec } = this.options;
    const { clip } = spec.hyper;
    const { scale = 1 } = lossScale ?? {};
    await this.accumulate(one.step, one.number, scale);
    const norm = (await model.gradientNorm()) / scale;
    // A gradient that is not finite is skipped; the measurement afterwards shows that nothing was learned.
    if (Number.isFinite(norm))
      optimizer.step({
        learningRate: one.learningRate,
        gradientScale: (clip && norm > clip ? clip / norm : 1) / scale,
      });
    model.zeroGradients();
    if (!lossScale || Number.isFinite(norm)) return lossScale && afterGood(lossScale);
    // There are few steps: none is left out for a scale that was too high.
    const lower = afterOverflow(lossScale);
    return lower ? this.update(optimizer, one, lower) : lossScale;
  }

  /** Accumulates `scale` times the gradient of the mean loss over a step's texts; without dropout, like the reference. */
  private async accumulate({ own, mismatched }: Step, number: number, scale: number): Promise<void> {
    const ratios: number[] = [];
    for (const example of mismatched) ratios.push(await this.logRatio(example));
    const z0 = referencePoint(ratios);
    for (const example of own) {
      const { slope } = ktoTerm(await this.logRatio(example), example.desirable, z0, this.weights);
      const length = example.tokens.length - 1;
      const learned = new Uint8Array(length).fill(1, length - example.counted);
      const batch = { rows: 1, length, tokens: example.tokens, learned };
      // A token loss is the negative log-probability, so the slope changes its sign.
      await this.options.model.accumulate(batch, {
        seed: [this.options.spec.hyper.seed, number],
        train: false,
        lossWeight: (scale * -slope) / own.length,
      });
    }
  }

  /** Measures the model as it would be served at each strength. Undefined if `signal` fired. */
  private async measure(heldOut: readonly Example[]): Promise<Measured[] | undefined> {
    const { cursors, strengths } = this.material;
    const trained = await this.values();
    const measured: Measured[] = [];
    try {
      for (const strength of strengths) {
        this.put(atStrength(trained, strength));
        const parts = await this.partsOf(heldOut, cursors);
        if (!parts) return undefined;
        measured.push({ strength, ...parts });
      }
      return measured;
    } finally {
      this.put(trained);
    }
  }

  private async partsOf(
    heldOut: readonly Example[],
    cursors: readonly CursorContinuation[],
  ): Promise<Omit<Measured, 'strength'> | undefined> {
    const { model, signal } = this.options;
    const preferences: RatioItem[] = [];
    for (const example of heldOut) {
      if (signal.aborted) return undefined;
      // With the same reference point (0) before and after; otherwise a model would gain by only moving away from the
      // base.
      const { loss } = ktoTerm(await this.logRatio(example), example.desirable, 0, this.weights);
      preferences.push({ sum: loss, weight: 1, document: example.document });
    }
    const code: RatioItem[] = [];
    for (const { tokens, counted, bytes, path } of cursors) {
      if (signal.aborted) return undefined;
      const nats = sum(await model.tokenLosses(Int32Array.from(tokens), { last: counted }));
      code.push({ sum: natsToBits(nats), weight: bytes, document: path });
    }
    return { preferences, code };
  }

  private async logRatio(example: Example): Promise<number> {
    return (await this.logProbability(example, false)) - this.references.get(example)!;
  }

  /** Log-probability of the text, in nats. */
  private async logProbability({ tokens, counted }: Example, base: boolean): Promise<number> {
    return -sum(await this.options.model.tokenLosses(tokens, { base, last: counted }));
  }

  private async values(): Promise<Map<string, Float32Array>> {
    const { model } = this.options;
    const values = new Map<string, Float32Array>();
    for (const { name } of model.parameters) values.set(name, await model.read(name));
    return values;
  }

  private put(values: ReadonlyMap<string, Float32Array>): void {
    for (const [name, value] of values) this.options.model.write(name, value);
  }
}

/** Multiplies the strength into B, as in the served file. */
const atStrength = (values: ReadonlyMap<string, Float32Array>, strength: number) =>
  new Map(
    [...values].map(([name, value]) => [
      name,
      name.endsWith('.lora_b') ? value.map((one) => one * strength) : value,
    ]),
  );

interface Step {
  own: Example[];
  /** Some of their places, combined with the text of the next one. */
  mismatched: Example[];
}

function stepsOf(training: readonly Example[]): Step[] {
  return Array.from({ length: training.length / BATCH }, (_, index) => {
    const own = training.slice(index * BATCH, (index + 1) * BATCH);
    return { own, mismatched: own.slice(0, MISMATCHED).map((one, at) => withTextOf(one, own[at + 1]!)) };
  });
}

function withTextOf(place: Example, other: Example): Example {
  const prompt = place.tokens.subarray(0, -place.counted);
  return {
    ...place,
    tokens: Int32Array.of(...prompt, ...other.tokens.subarray(-other.counted)),
    counted: other.counted,
  };
}
