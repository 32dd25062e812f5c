import { stat } from 'node:fs/promises';
import { hasEnded } from '../findings/run-status.ts';
import { summarySchema, type Summary } from '../protocol/evaluation.ts';
import { exportRecordSchema, type ExportRecord } from '../protocol/export.ts';
import { survivingEvents } from '../protocol/events.ts';
import { parseLines } from '../platform/files/lines.ts';
import { runSnapshotSchema, type RunSnapshot } from '../protocol/panel.ts';
import type { z } from 'zod';
import { settledSpec } from '../protocol/run.ts';
import { EventFile } from './event-file.ts';
import { fileMark, ignoreMissing } from './file-mark.ts';
import {
  corpusSummaryPath,
  evaluationSummaryPath,
  eventsPath,
  exportsPath,
  readSpec,
  readState,
  statePath,
} from './files.ts';
import { readText } from '../platform/files/regular-file.ts';
import { isAlive } from './status.ts';

/**
 * A snapshot of a run. Its spec has the learning rate actually in use. Broken event lines are counted; an incomplete
 * last line and an unreadable summary are skipped. Errors: run-not-found, run-newer, run-damaged.
 */
export async function readRun(dir: string): Promise<RunSnapshot> {
  const reader = await RunReader.open(dir);
  await reader.refresh();
  return reader.snapshot();
}

/** The step whose weights are the run's result, as known so far. Throws like readRun. */
export const resultStep = async (dir: string): Promise<number> => stepOfResult(await readRun(dir));

/** The same, for a run already read. Pure. */
export function stepOfResult({ spec, state, events }: RunSnapshot): number {
  const best =
    spec.evaluation.keep === 'best' && survivingEvents(events).findLast((event) => event.type === 'best');
  return best ? best.step : state.step;
}

const corpusSchema = runSnapshotSchema.shape.corpus.unwrap();

interface Refreshed {
  /** Whether something has changed since the last refresh. */
  news: boolean;
  /** Whether the owner is alive; if not, everything that it wrote has been read. */
  alive: boolean;
}

/** Reads a run repeatedly, each time only what has changed. */
export class RunReader {
  private readonly events: EventFile;
  private state: RunSnapshot['state'] | undefined;
  private stateMark = '';
  private readonly summary: SmallFile<Summary>;
  private readonly corpus: SmallFile<NonNullable<RunSnapshot['corpus']>>;
  private readonly exports: SmallFile<ExportRecord[]>;

  private constructor(
    private readonly dir: string,
    private readonly spec: RunSnapshot['spec'],
  ) {
    this.events = new EventFile(eventsPath(dir));
    this.summary = new SmallFile(evaluationSummaryPath(dir), jsonOf(summarySchema));
    this.corpus = new SmallFile(corpusSummaryPath(dir), jsonOf(corpusSchema));
    this.exports = new SmallFile(exportsPath(dir), (text) => parseLines(exportRecordSchema, text).values);
  }

  static async open(dir: string): Promise<RunReader> {
    return new RunReader(dir, await readSpec(dir));
  }

  /**
   * Reads what has changed, and checks whether the owner is alive. Throws UserError run-not-found or run-damaged.
   * @param withEvents if false, events are neither read nor kept
   * @param isOwned judges the owner by the state
   */
  async refresh(withEvents = true, isOwned = isAlive): Promise<Refreshed> {
    const news = await this.read(withEvents);
    if (isOwned(this.state!)) return { news, alive: true };
    if (hasEnded(this.state!)) return { news, alive: false };
    // An owner may have written its final state after we read it and died, or renewed a heartbeat that was too old.
    const last = await this.read(withEvents);
    return { news: news || last, alive: isOwned(this.state!) };
  }

  private async read(withEvents: boolean): Promise<boolean> {
    const news = [
      await this.readState(),
      withEvents ? await this.events.refresh() : this.events.forget(),
      await this.summary.refresh(),
      await this.corpus.refresh(),
      await this.exports.refresh(),
    ];
    return news.includes(true);
  }

  /** A copy that is not changed by later refreshes. */
  snapshot(): RunSnapshot {
    const snapshot: RunSnapshot = {
      spec: settledSpec(this.spec, this.state!),
      state: this.state!,
      events: [...this.events.events],
      brokenLines: this.events.brokenLines,
    };
    if (this.summary.value) snapshot.summary = this.summary.value;
    if (this.corpus.value) snapshot.corpus = this.corpus.value;
    if (this.exports.value?.length) snapshot.exports = this.exports.value;
    return snapshot;
  }

  private async readState(): Promise<boolean> {
    const mark = fileMark(await stat(statePath(this.dir)).catch(ignoreMissing));
    if (mark && mark === this.stateMark) return false;
    const before = JSON.stringify(this.state);
    this.state = await readState(this.dir);
    this.stateMark = mark;
    return JSON.stringify(this.state) !== before;
  }
}

/** Parses a file's text; returns undefined or throws if it is invalid. */
type Parse<T> = (text: string) => T | undefined;

const jsonOf =
  <T>(schema: z.ZodType<T>): Parse<T> =>
  (text) =>
    schema.safeParse(JSON.parse(text)).data;

/** A file that may not exist yet, read again only when it has changed. */
class SmallFile<T> {
  value: T | undefined;
  private seen = '';
  constructor(
    private readonly path: string,
    private readonly parse: Parse<T>,
  ) {}

  async refresh(): Promise<boolean> {
    const stats = await stat(this.path).catch(() => undefined);
    const mark = fileMark(stats);
    if (mark === this.seen) return false;
    this.seen = mark;
    this.value = stats ? await this.read() : undefined;
    return true;
  }

  private async read(): Promise<T | undefined> {
    try {
      return this.parse(await readText(this.path));
    } catch {
      return undefined;
    }
  }
}
