/**
 * A comparison of a run's result with the untrained model, which answer by turns. Windows agree on whose turn it is
 * because a hash of the time says so, and each appends what it counts to the run's by-turns.jsonl.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import {
  comparisonOf,
  concludedBy,
  countsOf,
  MOST_CHARACTERS,
  sideOf,
  totalOf,
  turnAt,
  type Comparison,
  type Turn,
} from '../../findings/by-turns.ts';
import { parseLines } from '../../platform/files/lines.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { openRegular, readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { turnLineSchema, type EndedLine, type TurnCounts, type TurnLine } from '../../protocol/by-turns.ts';
import { acceptanceSchema, completingBaseId, type RunSnapshot } from '../../protocol/panel.ts';
import { byTurnsPath } from '../../runs/files.ts';
import type { Store } from '../store.ts';
import type { LocalModel } from './completion-model.ts';

/** What was counted is written after this long: a crash loses no more. */
const WRITE_AFTER_MS = 5 * 60_000;
const PRIVATE = 0o600;
/** Far more than a comparison of years. */
const MAX_BYTES = 32 << 20;

interface Hooks {
  /** Called before the untrained model answers for the first time. */
  prepare(run: RunSnapshot): Promise<void>;
  untrained(base: LocalModel['base']): LocalModel;
  /** The comparison has ended; called once in each workspace that took part. */
  ended(run: RunSnapshot, ended: EndedLine): Promise<void>;
  failed(error: unknown): void;
}

export const turnsFile = (run: string) => byTurnsPath(join(runsDir(), run));

export class Turns {
  private run: RunSnapshot | undefined;
  /** The followed run's comparison: the one that is going on, or the last. */
  last: Comparison | undefined;
  private current: Turn | undefined;
  /** What was counted and is not written yet, by turn. */
  private readonly pending = new Map<string, { turn: Turn; counts: TurnCounts }>();
  private work: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: Pick<
      Store,
      'comparisons' | 'addComparison' | 'comparing' | 'setComparing' | 'count'
    >,
    private readonly hooks: Hooks,
  ) {}

  /** The comparison that is going on. */
  get going(): Comparison | undefined {
    return this.last?.ended ? undefined : this.last;
  }

  /** The run whose result is being compared. */
  get compared(): RunSnapshot | undefined {
    return this.going && this.run;
  }

  /** Whose turn it is. `held`: a suggestion is on the screen, which stays its model's even after its turn. */
  private now(held: boolean): Turn | undefined {
    const { going, run, current } = this;
    if (!going || !run) return undefined;
    const number = turnAt(Date.now());
    if (current?.seed === going.seed && (held || current.number === number)) return current;
    const { seed } = going;
    this.current = { run: run.spec.id, seed, number, side: sideOf(seed, number) };
    // Another window may have ended it.
    if (current) void this.refresh();
    return this.current;
  }

  /** The model whose turn it is, if `model` is compared; else `model`. `held`: as of `now`. */
  modelFor(model: LocalModel, held: boolean): LocalModel {
    const turn = model.run && this.compared?.spec.id === model.id ? this.now(held) : undefined;
    if (!turn) return model;
    return { ...(turn.side === 'result' ? model : this.hooks.untrained(model.base)), turn };
  }

  count({ run, seed, number, side }: Turn, what: keyof TurnCounts, by = 1): void {
    const key = JSON.stringify([run, seed, number]);
    const { counts = totalOf([]) } = this.pending.get(key) ?? {};
    const more = what === 'keptCharacters' ? Math.min(by, MOST_CHARACTERS) : by;
    this.pending.set(key, {
      turn: { run, seed, number, side },
      counts: { ...counts, [what]: counts[what] + more },
    });
    this.timer ??= setTimeout(() => void this.refresh(), WRITE_AFTER_MS);
  }

  /** Call this when another run's result may complete, or none. */
  follow(run: RunSnapshot | undefined): Promise<unknown> {
    const before = this.run?.spec.id;
    this.run = run;
    if (run?.spec.id === before) return this.work;
    this.last = this.current = undefined;
    return this.refresh();
  }

  /** Begins a comparison of the followed run. Throws file system errors. */
  async begin(suggestions: number): Promise<void> {
    const { run } = this;
    if (!run) return;
    const begun = {
      type: 'begun',
      seed: randomInt(2 ** 31),
      at: new Date().toISOString(),
      suggestions,
    } as const;
    await writeByRename(turnsFile(run.spec.id), lineOf(begun), PRIVATE);
    await this.store.addComparison(begun.seed);
    await this.refresh();
  }

  /** Ends the comparison that is going on without a verdict. */
  async end(): Promise<void> {
    const { compared, going } = this;
    if (!compared || !going) return;
    await this.inTurn(async () => {
      await this.write();
      await this.conclude(compared, going, {});
    });
    await this.refresh();
  }

  /** Writes what was counted, and reads what all windows have counted. Never rejects. */
  refresh(): Promise<unknown> {
    return this.inTurn(() => this.sync()).catch((error: unknown) => this.hooks.failed(error));
  }

  /** Writes what was counted. It can't be used afterwards. */
  async close(): Promise<void> {
    await this.inTurn(() => this.write()).catch((error: unknown) => this.hooks.failed(error));
    clearTimeout(this.timer);
  }

  private inTurn(task: () => Promise<unknown>): Promise<unknown> {
    const done = this.work.then(task);
    this.work = done.catch(() => undefined);
    return done;
  }

  private async sync(): Promise<void> {
    await this.write();
    const { run } = this;
    if (!run) return;
    const { id } = run.spec;
    let comparison = await this.read(id);
    const verdict = comparison && !comparison.ended && concludedBy(comparison, Date.now());
    if (comparison && verdict) comparison = await this.conclude(run, comparison, verdict);
    const { comparing } = this.store;
    const { seed, ended } = comparison ?? {};
    const going = ended ? undefined : seed;
    if (going !== undefined) await this.hooks.prepare(run);
    if (this.run?.spec.id !== id) return;
    this.last = comparison;
    if (going !== comparing) await this.store.setComparing(going);
    if (ended && seed === comparing) await this.hooks.ended(run, ended);
  }

  private async write(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const [key, { turn, counts }] of this.pending) {
      this.pending.delete(key);
      const { run, seed, number } = turn;
      try {
        await append(run, { type: 'counts', seed, turn: number, ...counts });
      } catch (error) {
        const since = this.pending.get(key)?.counts;
        this.pending.set(key, { turn, counts: totalOf(since ? [counts, since] : [counts]) });
        throw error;
      }
    }
  }

  /** Ends a comparison. If several windows do at once, the first line counts. */
  private async conclude(
    run: RunSnapshot,
    { seed }: Comparison,
    verdict: Pick<EndedLine, 'verdict' | 'gain'>,
  ): Promise<Comparison | undefined> {
    const by = randomInt(2 ** 31);
    await append(run.spec.id, { type: 'ended', seed, at: new Date().toISOString(), by, ...verdict });
    const comparison = await this.read(run.spec.id);
    if (comparison?.ended?.by === by) await this.addToAcceptance(run, comparison);
    return comparison;
  }

  private async read(run: string): Promise<Comparison | undefined> {
    const comparison = await readComparison(run);
    return comparison && this.store.comparisons.includes(comparison.seed) ? comparison : undefined;
  }

  /** Adds its counts to those that are shown, which stood still so that nobody saw whose turn it was. */
  private async addToAcceptance({ spec }: RunSnapshot, comparison: Comparison): Promise<void> {
    const models = { result: spec.id, untrained: completingBaseId(spec.base.id) };
    for (const side of ['result', 'untrained'] as const) {
      const total = totalOf(countsOf(comparison, side));
      for (const what of acceptanceSchema.keyof().options)
        await this.store.count(models[side], what, total[what]);
    }
  }
}

const lineOf = (line: TurnLine) => `${JSON.stringify(line)}\n`;

/** Does nothing if the run was deleted. */
async function append(run: string, line: TurnLine): Promise<void> {
  try {
    const file = await openRegular(turnsFile(run), 'a+');
    await file.appendFile(lineOf(line)).finally(() => file.close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Undefined if the run was never compared, or its file has lost its first line. Throws like readText. */
async function readComparison(run: string): Promise<Comparison | undefined> {
  try {
    return comparisonOf(parseLines(turnLineSchema, await readText(turnsFile(run), MAX_BYTES)).values);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
