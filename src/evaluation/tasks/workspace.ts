/**
 * Measures learning on held-out code of the same corpus: its loss, and how well the rest of a line or block is
 * completed at cursors in held-out files. Held-out prose has a metric of its own.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { sourcePath, type Age, type Corpus, type Kind } from '../../corpus/index.ts';
import type { Sequence } from '../../corpus/tokens/sequences.ts';
import { UserError } from '../../text/errors.ts';
import { beforeOf } from '../../findings/before.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { natsToBits, sum } from '../../statistics/statistics.ts';
import {
  itemCount,
  createItem,
  type EvaluatedModel,
  type Item,
  type ItemScore,
  type Measure,
  type PlanContext,
  type Plan,
  type Task,
} from '../task.ts';
import {
  cursorItems,
  cursorMeasures,
  LATENCY,
  scoreCursor,
  scoreLatency,
  type CursorItem,
  type LatencyItem,
} from './workspace-cursors.ts';
import { msg, type Text, joinTexts } from '../../text/message.ts';

export interface Window extends Item {
  kind: 'window' | 'prose' | Age;
  tokens: Int32Array;
  learned: Uint8Array;
  starts: Int32Array;
  bytes: number;
}
type WorkspaceItem = Window | CursorItem | LatencyItem;

const PROSE = 'prose bits per byte';
/** For a run that continues another: code that was there already, and code that is new or changed. */
const ages = { older: 'older code bits per byte', new: 'new code bits per byte' };
const ageMeasures = Object.values(ages).map((metric): Measure => ({
  metric,
  unit: '',
  better: 'lower',
}));
const measures: readonly Measure[] = [
  { metric: 'bits per byte', unit: '', better: 'lower' },
  { metric: 'loss', unit: 'nats/token', better: 'lower' },
  { metric: PROSE, unit: '', better: 'lower' },
  ...cursorMeasures,
];

/** Number of windows of prose: enough to see whether prose is forgotten. */
const prose = { quick: 4, paper: 40 };

const planned: Task['planned'] = (spec) => (spec.imported ? 0 : spec.evaluation.heldOutWindows);

async function plan(context: PlanContext): Promise<Plan<WorkspaceItem>> {
  const { run, base } = context;
  if (!run)
    throw new UserError(
      'bad-argument',
      'The task "workspace" measures on the held-out files of a run, and a model without a run has none.',
      'Name a run, or leave the task out.',
    );
  if (run.spec.imported)
    throw new UserError(
      'bad-argument',
      `Run ${run.spec.id} was imported and has no held-out files, which the task "workspace" measures on.`,
      'Leave the task out; retention and humaneval need no files.',
    );
  const corpus = await run.corpus();
  const length = run.spec.hyper.sequenceLength;
  const count = itemCount(context, { quick: 16, planned });
  const windows = measuredSequences(corpus, length, count);
  if (Object.values(windows).every(({ length: many }) => many === 0))
    throw new UserError(
      'corpus-empty',
      'The run has no held-out text to measure on.',
      'Train on a folder with more files, or a data set with more rows.',
    );
  const tokenizer = await base.tokenizer();
  const files = heldOutFiles(corpus);
  const toWindows = (sequences: readonly Sequence[], kind: Window['kind']) =>
    sequences.map((window, index) => toWindow(window, { kind, index }, tokenizer, files));
  const items = (Object.keys(windows) as (keyof typeof windows)[]).flatMap((kind) =>
    toWindows(windows[kind]!, kind),
  );
  const proseItems = corpus.measured === 'prose' ? [] : toWindows(proseWindows(corpus, context), 'prose');
  const cursors = await cursorItems(corpus, tokenizer, context);
  const sizes = [
    joinTexts(
      [
        msg`${items.length} held-out sequences of up to ${length} tokens`,
        ...[describeFiles(items), ageNote(windows), kindNote(corpus.measured)],
      ],
      '',
    ),
    ...(proseItems.length > 0 ? [msg`${proseItems.length} of prose${describeFiles(proseItems)}`] : []),
    ...cursors.settings,
  ];
  return {
    interleaved: cursors.latencies,
    items: [...cursors.items, ...items, ...proseItems],
    setting: joinTexts(sizes, '; '),
    measures: beforeOf(run.spec) === 'continued' ? [...measures, ...ageMeasures] : measures,
  };
}

type MeasuredSequences = Partial<Record<'window' | Age, Sequence[]>>;

/** For a corpus that continues another, equal numbers of windows of older and of new code, if there are enough. */
function measuredSequences(corpus: Corpus, length: number, count: number): MeasuredSequences {
  const all = corpus.heldOutByAge(length, count, 'older');
  const room = Math.max(Math.floor(count / 2), count - all.length);
  const newer = corpus.heldOutByAge(length, room, 'new');
  if (all.length + newer.length === 0) return { window: corpus.heldOutSequences(length, count) };
  const older = newer.length === 0 ? all : corpus.heldOutByAge(length, count - newer.length, 'older');
  return { older, new: newer };
}

const ageNote = ({ older, new: newer }: MeasuredSequences): Text =>
  older && newer ? msg`, ${older.length} of older and ${newer.length} of new code` : '';

function proseWindows(corpus: Corpus, context: PlanContext): Sequence[] {
  const count = Math.min(itemCount(context, prose), prose.paper);
  return corpus.heldOutSequences(context.run!.spec.hyper.sequenceLength, count, 'prose');
}

const kindNote = (measured: Kind): Text => {
  if (measured === 'code') return '';
  return measured === 'prose'
    ? msg` of prose, as no code is held out`
    : msg` of data, as no code is held out`;
};

/** Empty unless there are more windows than files. */
function describeFiles(items: readonly Window[]): Text {
  const documents = new Set(items.map(({ document, id }) => document ?? id)).size;
  if (documents >= items.length) return '';
  return documents === 1 ? msg` from 1 file` : msg` from ${documents} files`;
}

/**
 * Paths of held-out files, by the offset at which their tokens begin. An instruction pair counts as its file or commit:
 * pairs of the same file or commit are correlated.
 */
export const heldOutFiles = ({ documents }: Pick<Corpus, 'documents'>): Map<number, string> =>
  new Map(
    documents
      .filter(({ split, tokens }) => split === 'held-out' && tokens > 0)
      .map((entry) => [entry.offset, sourcePath(entry)]),
  );

/** A held-out sequence as an item; `files`: paths by the offset of their tokens. */
export function toWindow(
  { document: begin, ...sequence }: Sequence,
  { kind, index }: { kind: Window['kind']; index: number },
  tokenizer: Pick<Tokenizer, 'byteLength'>,
  files: ReadonlyMap<number, string>,
): Window {
  const { tokens, learned, starts } = sequence;
  const bytes = learnedBytes(sequence, tokenizer);
  const content = {
    kind,
    tokens: [...tokens],
    learned: [...learned],
    starts: [...starts],
    bytes,
  };
  // The digest is computed from plain arrays, but the item keeps typed arrays, which take a third of the memory.
  return {
    ...createItem(`${kind} ${index}`, content, { tokens: sum(learned), bytes }),
    ...sequence,
    document: begin === undefined ? undefined : files.get(begin),
  };
}

/** Bytes of the text whose prediction counts. End-of-document tokens have no bytes, but their loss counts. */
function learnedBytes({ tokens, learned }: Sequence, { byteLength }: Pick<Tokenizer, 'byteLength'>): number {
  return tokens.subarray(1).reduce((total, token, at) => total + (learned[at] ? byteLength(token) : 0), 0);
}

export async function scoreWindow(
  { kind, tokens, learned, starts, bytes }: Window,
  model: EvaluatedModel,
): Promise<ItemScore> {
  const losses = await model.tokenLosses(tokens, { starts });
  const nats = sum(losses.filter((_, at) => learned[at]));
  const bits = { sum: natsToBits(nats), weight: bytes };
  const parts: ItemScore['parts'] =
    kind === 'prose'
      ? { [PROSE]: bits }
      : { loss: { sum: nats, weight: sum(learned) }, 'bits per byte': bits };
  if (kind === 'older' || kind === 'new') parts[ages[kind]] = bits;
  return { parts, detail: { nats } };
}

export const workspaceTask: Task<WorkspaceItem> = {
  name: 'workspace',
  ...taskFacts.workspace,
  version: 11,
  needsRun: true,
  loadDependent: [LATENCY],
  planned,
  parallel: 8,
  plan,
  score: (item, model, { signal }) =>
    'learned' in item ? scoreWindow(item, model) : scoreCursor(item as CursorItem, model, signal),
  scoreTogether: (item, models, { signal }) => scoreLatency(item as LatencyItem, models, signal),
};
