/**
 * A result at several strengths: first what each forgets, then what the strengths that forget little gain at held-out
 * cursors, and the best one at as many cursors as the time holds.
 */
import {
  bestPoint,
  candidates,
  forgotLittle,
  isOpen,
  nextStrength,
  strengthPoint,
} from '../../findings/strength-rule.ts';
import { BITS, type StrengthPoint } from '../../protocol/evaluation.ts';
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import { diverged } from '../diverged.ts';
import { partsOf } from '../metrics/compare.ts';
import type { Resources } from '../resources.ts';
import { scoreItems, type OnScored } from '../scoring/score-items.ts';
import type { EvaluatedModel, ItemScore, ScoreContext } from '../task.ts';
import { KL, SOLUTIONS, strengthTask, type StrengthItem, type StrengthPlan } from './task.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/** Cursors at which strengths are compared, before the best one goes on alone. */
const COMPARED = 14;
/** Cursors measured between two looks at the clock. */
const PER_CHECK = 4;

interface Options extends ScoreContext {
  /** Of the KL. */
  limit: number;
  /** Strengths besides 1 can be measured. */
  isAdapter: boolean;
  /** Cursors measured in any case, as far as there are as many. */
  least: number;
  /** After that, no further cursors are begun (by awakeMs()). */
  until: number;
  /** `left`: scores that are expected to follow. */
  onScored(done: number, left: number): void;
}

interface AtStrength {
  strength: number;
  /** Nats and positions of the base's texts, nats and tokens of HumanEval's solutions. */
  kl: RatioItem[];
  solutions: RatioItem[];
  /** At the first of the cursors. */
  scores: ItemScore[];
}

export class MeasuredStrengths {
  /** The cursors measured so far, in the order of the plan, and the scores there of what the result is compared with. */
  measured: StrengthItem[] = [];
  before: ItemScore[] = [];
  /** KL of the adapter that training began with. */
  klAtZero: Interval | undefined;
  /** Number of scores that were not cached. */
  computed = 0;
  private solutions: RatioItem[] = [];
  private readonly all: AtStrength[] = [];
  private readonly context: ScoreContext & OnScored;
  private done = 0;
  private left = 0;

  constructor(
    private readonly resources: Pick<Resources, 'base' | 'before' | 'result'>,
    private readonly plan: Pick<StrengthPlan, 'learned' | 'forgotten'>,
    private readonly options: Options,
  ) {
    const { sandbox, signal } = options;
    const onScore = (computed: boolean) => {
      this.done += 1;
      this.computed += Number(computed);
      this.left = Math.max(0, this.left - 1);
      options.onScored(this.done, this.left);
    };
    this.context = { sandbox, signal, onScore };
  }

  /** In ascending order of strength, without those at which the figures are no numbers. */
  points = (): StrengthPoint[] => this.allPoints().filter(hasNumbers);

  /** The best strength, with its scores at the cursors in `measured`; undefined if all forgot too much. */
  best(): AtStrength | undefined {
    const best = bestPoint(this.points(), this.options.limit);
    return this.all.find(({ strength }) => strength === best?.strength);
  }

  /** Errors: diverged at all strengths. */
  async measure(): Promise<void> {
    const { forgotten, learned } = this.plan;
    const least = Math.min(this.options.least, learned.length);
    this.left = 2 * forgotten.length + 2 * least;
    await this.guard();
    if (this.points().length === 0) throw diverged();
    const compared = candidates(this.points(), this.options.limit).map(({ strength }) => strength);
    const first = learned.slice(0, compared.length > 1 ? Math.min(least, COMPARED) : least);
    this.left = 2 * least + first.length * (compared.length - 1);
    if (compared.length > 0) await this.addCursors(first, compared);
    await this.goOn(least);
  }

  /** Measures what strengths forget, until it is known which ones forget little. */
  private async guard(): Promise<void> {
    const { base } = this.resources;
    const before = await this.resources.before();
    const ofKind = (wanted: StrengthItem['kind']) =>
      this.plan.forgotten.filter(({ kind }) => kind === wanted);
    const [texts, solutions] = [ofKind('text'), ofKind('solution')];
    this.solutions = partsOf(SOLUTIONS, await this.score(base, solutions));
    if (before !== base) {
      const kl = partsOf(KL, await this.score(before, texts));
      if (kl.length > 0) this.klAtZero = pairedIntervals(kl, kl).after;
    }
    for (let strength = this.next(); strength !== undefined; strength = this.next()) {
      const model = await this.resources.result(strength);
      const own: AtStrength = { strength, kl: [], solutions: [], scores: [] };
      this.all.push(own);
      own.kl = partsOf(KL, await this.score(model, texts));
      // A KL over the limit rules the strength out already.
      if (forgotLittle(this.pointOf(own), this.options.limit))
        own.solutions = partsOf(SOLUTIONS, await this.score(model, solutions));
    }
  }

  private next(): number | undefined {
    if (!this.options.isAdapter) return this.all.length === 0 ? 1 : undefined;
    // If its figures are no numbers, a strength forgets too much.
    const tooMuch = { value: NaN, low: NaN, high: NaN };
    const points = this.allPoints().map((point) => (hasNumbers(point) ? point : { ...point, kl: tooMuch }));
    return nextStrength(points, this.options.limit, this.klAtZero);
  }

  /** Measures the best strength at the least number of cursors, and at further ones while it is open and there is time. */
  private async goOn(least: number): Promise<void> {
    const { until, isAdapter } = this.options;
    const { learned } = this.plan;
    let took = 0;
    for (;;) {
      const best = this.best();
      const { length } = this.measured;
      if (!best || length >= learned.length) return;
      if (length >= least && awakeMs() + took > until) return;
      // Looking after each few cursors would find a gain by chance more often.
      if (length >= least && length % least === 0 && !isOpen(this.pointOf(best))) return;
      const start = awakeMs();
      const nextLook = Math.min(learned.length, least * (1 + Math.floor(length / least)));
      // Changing models takes time, and whole ones take turns in memory.
      const end = length < least || !isAdapter ? nextLook : Math.min(length + PER_CHECK, nextLook);
      this.left = 2 * (nextLook - length);
      await this.addCursors(learned.slice(length, end), [best.strength]);
      took = awakeMs() - start;
    }
  }

  /** Measures strengths that were measured at all cursors before these. */
  private async addCursors(items: readonly StrengthItem[], strengths: readonly number[]): Promise<void> {
    for (const one of this.all)
      if (strengths.includes(one.strength))
        one.scores.push(...(await this.score(await this.resources.result(one.strength), items)));
    this.before.push(...(await this.score(await this.resources.before(), items)));
    this.measured.push(...items);
  }

  private score(model: EvaluatedModel, items: readonly StrengthItem[]): Promise<ItemScore[]> {
    return scoreItems(strengthTask, items, model, this.context);
  }

  private allPoints = (): StrengthPoint[] =>
    this.all.map((at) => this.pointOf(at)).sort((a, b) => a.strength - b.strength);

  /** Compared at as many cursors as this strength was measured at. */
  private pointOf({ strength, scores, kl, solutions }: AtStrength): StrengthPoint {
    const items = this.measured.slice(0, scores.length);
    const learned = partsOf(BITS, scores, items);
    const before = partsOf(BITS, this.before.slice(0, scores.length), items);
    const counts = { before: { learned: before, solutions: this.solutions }, at: { learned, kl, solutions } };
    return strengthPoint(strength, counts);
  }
}

const hasNumbers = ({ learned, kl, solutions }: StrengthPoint): boolean =>
  [learned, kl, solutions].every((found) => !found || Number.isFinite(found.value + found.low + found.high));
