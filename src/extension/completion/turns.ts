/**
 * A comparison of a run's result with the untrained model, which answer by turns. Windows agree on whose turn it is
 * because a hash of the time says so, and each appends what it counts to the run's by-turns.jsonl.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import {
  comparisonOf,
  concludedBy,
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
import type { RunSnapshot } from '../../protocol/panel.ts';
import { ignoreMissing } from '../../runs/file-mark.ts';
import { byTurnsPath } from '../../runs/files.ts';
import type { Store } from '../store.ts';
import { strengthOf, type LocalModel } from './completion-model.ts';

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
  /** The followed run's comparison that is going on. */
  going: Comparison | undefined;
  /** Whose turn it was when a model was last asked for. */
  private current: Turn | undefined;
  /** What was counted and is not written yet, by turn. */
  private readonly pending = new Map<string, { turn: Turn; counts: TurnCounts }>();
  private work: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: Pick<Store, 'comparisons' | 'addComparison' | 'comparing' | 'setComparing'>,
    private readonly hooks: Hooks,
  ) {}

  /** The run whose result is being compared. */
  get compared(): RunSnapshot | undefined {
    return this.going && this.run;
  }

  /** Whose turn it is. `held`: the turn of what is on the screen, or was asked for: it lasts as long. */
  private now(held: Turn | undefined): Turn | undefined {
    const { going, run, current } = this;
    if (!going || !run) return undefined;
    const { seed } = going;
    if (held?.seed === seed) return held;
    const number = turnAt(Date.now());
    if (current?.seed === seed && current.number === number) return current;
    this.current = { run: run.spec.id, seed, number, side: sideOf(seed, number) };
    // Another window may have ended it.
    if (current) void this.refresh();
    return this.current;
  }

  /** The model whose turn it is, if `model` is compared; else `model`. `held`: as of `now`. */
  modelFor(model: LocalModel, held?: Turn): LocalModel {
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

  /** Call this when another run's result may complete, or the same one at another strength, or none. */
  follow(run: RunSnapshot | undefined): Promise<unknown> {
    const before = this.run;
    this.run = run;
    if (run?.spec.id === before?.spec.id && strengthOf(run) === strengthOf(before)) return this.work;
    this.going = this.current = undefined;
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
      strength: strengthOf(run),
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
    const end = comparison && !comparison.ended && endOf(comparison, run);
    if (comparison && end) comparison = await this.conclude(run, comparison, end);
    const { comparing } = this.store;
    const { seed, ended } = comparison ?? {};
    const going = ended ? undefined : comparison;
    if (going && going.seed !== this.going?.seed) await this.hooks.prepare(run);
    if (this.run?.spec.id !== id) return;
    this.going = going;
    if (going?.seed !== comparing) await this.store.setComparing(going?.seed);
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
    await append(run.spec.id, { type: 'ended', seed, at: new Date().toISOString(), ...verdict });
    return this.read(run.spec.id);
  }

  private async read(run: string): Promise<Comparison | undefined> {
    const comparison = await readComparison(run);
    return comparison && this.store.comparisons.includes(comparison.seed) ? comparison : undefined;
  }
}

/** How it ends now; undefined if it goes on. */
const endOf = (comparison: Comparison, run: RunSnapshot) =>
  comparison.strength === strengthOf(run) ? concludedBy(comparison, Date.now()) : {};

const lineOf = (line: TurnLine) => `${JSON.stringify(line)}\n`;

/** Does nothing if the run was deleted. */
async function append(run: string, line: TurnLine): Promise<void> {
  const file = await openRegular(turnsFile(run), 'a+').catch(ignoreMissing);
  await file?.appendFile(lineOf(line)).finally(() => file.close());
}

/** Undefined if the run was never compared, or its file has lost its first line. Throws like readText. */
async function readComparison(run: string): Promise<Comparison | undefined> {
  const text = await readText(turnsFile(run), MAX_BYTES).catch(ignoreMissing);
  return text === undefined ? undefined : comparisonOf(parseLines(turnLineSchema, text).values);
}
