/**
 * A result measured at several strengths on the same items: which strengths, and on how many items, is decided while
 * measuring, by what was found and by the time.
 */
import { bestPoint, nextStrength, strengthPoint, type StrengthCounts } from '../../findings/strength-rule.ts';
import { CHARACTERS, EXACT_LINES, type StrengthPoint } from '../../protocol/evaluation.ts';
import { MIN_DOCUMENTS, pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval } from '../../statistics/statistics.ts';
import { diverged } from '../diverged.ts';
import { withDocument } from '../metrics/compare.ts';
import type { Resources } from '../resources.ts';
import { scoreBy, scoreItems, type OnScored } from '../scoring/score-items.ts';
import type { EvaluatedModel, ItemScore, ScoreContext } from '../task.ts';
import type { CountedPoint } from './cross-fit.ts';
import { interleave, KL, LEARNED, SOLUTIONS, strengthTask, type StrengthItem } from './task.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/** Items measured however long it takes: fewer would be inconclusive. */
const MIN_ITEMS = 31;
/** Items measured between two looks at the clock. */
const ITEMS_PER_CHECK = 7;

interface Options extends ScoreContext {
  /** Of the KL. */
  limit: number;
  /** When measuring should end (by awakeMs()). */
  end: number;
  /** `done`: number of scores so far; `items`: measured at each strength. */
  onScored(done: number, items: number): void;
}

interface Measured {
  point: StrengthPoint;
  counts: StrengthCounts;
}

export class MeasuredStrengths {
  /** Measured at each strength; a second look adds cursors at one of them. */
  items: StrengthItem[] = [];
  /** Learning of what the result is compared with; forgetting of the adapter that training began with. */
  before: StrengthCounts = { learned: [], kl: [], solutions: [] };
  /** KL of that adapter. */
  klAtZero: Interval | undefined;
  /** Number of scores that were not cached. */
  computed = 0;
  private done = 0;
  private measured: Measured[] = [];
  /** Strengths at which the figures are no numbers; to `nextStrength`, they forget too much. */
  private diverged: StrengthPoint[] = [];
  /** Cursors for which there was no time. */
  private cut: StrengthItem[] = [];
  /** Milliseconds that the last strength took. */
  private took = 0;
  private readonly context: ScoreContext & OnScored;

  constructor(
    private readonly resources: Pick<Resources, 'base' | 'before' | 'result'>,
    private readonly options: Options,
  ) {
    const { sandbox, signal } = options;
    const onScore = (computed: boolean) => {
      this.done += 1;
      this.computed += Number(computed);
      options.onScored(this.done, this.items.length);
    };
    this.context = { sandbox, signal, onScore };
  }

  /** In ascending order of strength. */
  points = (): StrengthPoint[] =>
    this.measured.map(({ point }) => point).sort((a, b) => a.strength - b.strength);

  /** The strengths measured on all items of `before`. */
  comparable = (): CountedPoint[] =>
    this.measured
      .filter(({ counts }) => counts.learned.length === this.before.learned.length)
      .map(({ point, counts }) => ({ point, ...counts }))
      .sort((a, b) => a.point.strength - b.point.strength);

  /** Measures the first strength on as many of the items as there is time for, and what it is compared with on these. */
  async begin(planned: readonly StrengthItem[], strength: number, until: number): Promise<void> {
    this.items = interleave(planned);
    const start = awakeMs();
    const scores = await this.scoreUntil(await this.resources.result(strength), until);
    this.took = awakeMs() - start;
    this.cut = this.items.slice(scores.length).filter(({ kind }) => kind === 'cursor');
    this.items = this.items.slice(0, scores.length);
    const { base } = this.resources;
    const before = await this.resources.before();
    // Forgetting is counted from the base, in any case, also that of the adapter that training began with.
    const modelFor = ({ kind }: StrengthItem) => (kind === 'solution' ? base : before);
    const context = { ...this.context, alone: false };
    this.before = toCounts(await scoreBy(modelFor, strengthTask, this.items, context), this.items);
    const { kl } = this.before;
    if (before !== base && kl.length) this.klAtZero = pairedIntervals(kl, kl).after;
    this.add(strength, toCounts(scores, this.items));
  }

  /** Measures further strengths until enough is known, or the time is over. */
  async addOthers(): Promise<void> {
    const next = () => {
      const isTimeUp = awakeMs() + this.took > this.options.end;
      return nextStrength(
        [...this.points(), ...this.diverged],
        this.options.limit,
        isTimeUp,
        this.klAtZero?.value,
      );
    };
    for (let strength = next(); strength !== undefined; strength = next()) {
      const start = awakeMs();
      this.add(
        strength,
        await measureCounts(await this.resources.result(strength), this.items, this.context),
      );
      this.took = awakeMs() - start;
    }
  }

  /**
   * If the best strength seems better, but not by more than noise, measures it at further cursors while there is time.
   * Returns their number. Errors: diverged at all strengths, or at one of these cursors.
   */
  async lookAgain(spare: readonly StrengthItem[]): Promise<number> {
    if (this.measured.length === 0) throw diverged();
    const best = bestPoint(this.points(), this.options.limit);
    if (!best || !isOpen(best)) return 0;
    const cursors = [...this.cut, ...spare];
    const at = this.measured.find(({ point }) => point === best)!;
    const [before, result] = [await this.resources.before(), await this.resources.result(best.strength)];
    let count = 0;
    // At first as long as if only the cursors had taken time.
    let took = (2 * ITEMS_PER_CHECK * this.took) / at.counts.learned.length;
    while (count < cursors.length && awakeMs() + took < this.options.end) {
      const start = awakeMs();
      const items = cursors.slice(count, count + ITEMS_PER_CHECK);
      at.counts = joinCounts(at.counts, await measureCounts(result, items, this.context));
      this.before = joinCounts(this.before, await measureCounts(before, items, this.context));
      count += items.length;
      took = awakeMs() - start;
    }
    if (count === 0) return 0;
    at.point = strengthPoint(best.strength, this.before, at.counts);
    if (!hasNumbers(at.point)) throw diverged();
    return count;
  }

  private add(strength: number, counts: StrengthCounts): void {
    const point = strengthPoint(strength, this.before, counts);
    if (hasNumbers(point)) this.measured.push({ counts, point });
    else this.diverged.push({ ...point, kl: { value: NaN, low: NaN, high: NaN } });
  }

  /** Scores the items in their order until the time is over. */
  private async scoreUntil(model: EvaluatedModel, until: number): Promise<ItemScore[]> {
    const { items } = this;
    const scores: ItemScore[] = [];
    const size = until === Infinity ? items.length : ITEMS_PER_CHECK;
    while (scores.length < items.length && (scores.length < MIN_ITEMS || awakeMs() < until)) {
      const chunk = items.slice(scores.length, scores.length + size);
      scores.push(...(await scoreItems(strengthTask, chunk, model, this.context)));
    }
    return scores;
  }
}

const hasNumbers = ({ learned, kl = learned, solutions = learned }: StrengthPoint): boolean =>
  [learned, kl, solutions].every(({ value, low, high }) => Number.isFinite(value + low + high));

/** Whether more cursors may show a gain: there seems to be one, in enough files. */
const isOpen = ({ learned, files = 0 }: StrengthPoint): boolean =>
  learned.value < 0 && learned.high >= 0 && files >= MIN_DOCUMENTS;

/** Scores a model on the items of the strength task. */
export async function measureCounts(
  model: EvaluatedModel,
  items: readonly StrengthItem[],
  context: ScoreContext & OnScored,
): Promise<StrengthCounts> {
  return toCounts(await scoreItems(strengthTask, items, model, context), items);
}

function toCounts(scores: readonly ItemScore[], items: readonly StrengthItem[]): StrengthCounts {
  const partsOf = (metric: string) =>
    scores.flatMap(({ parts }, index) => withDocument(parts[metric], items[index]!.document) ?? []);
  const [lines, characters] = [partsOf(EXACT_LINES), partsOf(CHARACTERS)];
  return {
    learned: partsOf(LEARNED),
    ...(lines.length > 0 && { offered: { [EXACT_LINES]: lines, [CHARACTERS]: characters } }),
    kl: partsOf(KL),
    solutions: partsOf(SOLUTIONS),
  };
}

/** The counts of other items of the same model added. */
function joinCounts(counts: StrengthCounts, more: StrengthCounts): StrengthCounts {
  const offered = (metric: typeof EXACT_LINES | typeof CHARACTERS) => [
    ...(counts.offered?.[metric] ?? []),
    ...(more.offered?.[metric] ?? []),
  ];
  return {
    learned: [...counts.learned, ...more.learned],
    ...((counts.offered ?? more.offered) && {
      offered: { [EXACT_LINES]: offered(EXACT_LINES), [CHARACTERS]: offered(CHARACTERS) },
    }),
    kl: [...counts.kl, ...more.kl],
    solutions: [...counts.solutions, ...more.solutions],
  };
}
