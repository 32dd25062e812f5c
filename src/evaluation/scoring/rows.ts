/** The rows of a benchmark: from the hub, downloaded once, or from a file that the user names. */
import type { z } from 'zod';
import type { PlannedDownload } from '../../base-models/resolve-options.ts';
import { readRows, type NamedRow } from '../../corpus/datasets/rows.ts';
import { UserError } from '../../text/errors.ts';
import { formatBytes } from '../../text/units.ts';
import { mix } from '../../statistics/random.ts';
import { spread } from '../../statistics/statistics.ts';
import { itemCount, type PlanContext, type Task } from '../task.ts';

/** How to read a row with these columns. `read` throws an Error if the values don't fit together. */
export interface RowFormat<Q> {
  columns: readonly string[];
  read(values: unknown): Q;
}

export function rowFormat<S extends z.ZodObject, Q>(schema: S, read: (row: z.infer<S>) => Q): RowFormat<Q> {
  return {
    columns: Object.keys(schema.shape),
    read(values) {
      const parsed = schema.safeParse(values);
      if (parsed.success) return read(parsed.data);
      const [issue] = parsed.error.issues;
      throw new Error(`${issue!.path.join('.')}: ${issue!.message}`);
    },
  };
}

export interface Benchmark<Q> extends Pick<Task, 'name' | 'title'> {
  /** Its place on the hub: owner/name:file. */
  source: string;
  /** A data set has the first format whose columns it has. */
  formats: readonly RowFormat<Q>[];
  /** Number of rows in the `quick` setting. */
  quick: number;
}

export interface ChosenRows<Q> {
  /** The requested number of rows, spread evenly over all. */
  rows: { name: string; value: Q }[];
  /** Number of all rows. */
  total: number;
}

/** Seed of the sample, so that it is the same each time. */
const SEED = 20261127;

/** A sample of `count` items with a fixed seed, in their order. A larger sample contains the smaller one. */
export function seededSample<T>(all: readonly T[], count: number): T[] {
  const drawn = all.map((_, index) => ({ index, at: mix(SEED, index) })).sort((a, b) => a.at - b.at);
  return drawn
    .slice(0, count)
    .sort((a, b) => a.index - b.index)
    .map(({ index }) => all[index]!);
}

/** Errors: those of reading a data set; corpus-unreadable for missing columns (lists those it has) and bad rows. */
export async function chooseRows<Q>(benchmark: Benchmark<Q>, context: PlanContext): Promise<ChosenRows<Q>> {
  const { title, source, formats, quick } = benchmark;
  const reference = context.data ?? source;
  const all = await readAll(benchmark, context);
  const chosen = spread(all.length, itemCount(context, { quick })).map((index) => all[index]!);
  const rows = chosen.map((row) => {
    if ('problem' in row) throw badRow(reference, row, row.problem);
    const format = formats.find(({ columns }) => columns.every((name) => row.columns.includes(name)));
    if (!format)
      throw new UserError(
        'corpus-unreadable',
        `${reference} is not a data set for ${title}: its columns are ${row.columns.join(', ')}.`,
        `${title} has ${formats.map(({ columns }) => columns.join(', ')).join('; or ')}.`,
      );
    try {
      return { name: row.name, value: format.read(row.values) };
    } catch (error) {
      throw badRow(reference, row, (error as Error).message);
    }
  });
  return { rows, total: all.length };
}

async function readAll<Q>(
  { name, title, source, formats }: Benchmark<Q>,
  { data, signal, warn }: PlanContext,
): Promise<NamedRow[]> {
  const rows: NamedRow[] = [];
  const columns = formats.flatMap((format) => format.columns);
  // Nobody can be asked here, but what is downloaded is said.
  const confirm = ({ what, bytes }: PlannedDownload) => {
    warn(`${what}: downloads ${formatBytes(bytes)}.`);
    return Promise.resolve(true);
  };
  try {
    for await (const row of readRows(data ?? source, { columns, signal, confirm })) rows.push(row);
  } catch (error) {
    if (data !== undefined || !(error instanceof UserError) || error.code !== 'network') throw error;
    throw new UserError(
      'network',
      `The rows of ${title} (${source} on Hugging Face) are not on this disk, and Hugging Face can't be reached.`,
      `Run it once with a network, or give them as a file: --data ${name}=FILE.`,
      { cause: error },
    );
  }
  if (rows.length > 0) return rows;
  throw new UserError('corpus-empty', `${data ?? source} has no rows.`, 'Give another file.');
}

const badRow = (reference: string, { name }: NamedRow, why: string) =>
  new UserError(
    'corpus-unreadable',
    `In ${reference}, ${name} is invalid: ${why}.`,
    'Correct the file, or give another one.',
  );
