/**
 * What was learned, on held-out text of the same corpus: its loss, and at cursors in held-out files how well the rest
 * of the line or the block is completed.
 */
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { Sequence } from '../../corpus/sequences.ts';
import { UserError } from '../../protocol/errors.ts';
import { bitsPerByte, sum } from '../statistics.ts';
import {
  countOf,
  itemOf,
  type EvaluatedModel,
  type Item,
  type ItemScore,
  type Measure,
  type PlanContext,
  type Plan,
  type Task,
} from './task.ts';
import {
  cursorItems,
  cursorMeasures,
  LATENCY,
  scoreCursor,
  scoreLatency,
  type CursorItem,
  type LatencyItem,
} from './workspace-cursors.ts';

interface Window extends Item {
  kind: 'window';
  tokens: Int32Array;
  learned: Uint8Array;
  starts: Int32Array;
  bytes: number;
}
type Held = Window | CursorItem | LatencyItem;

const measures: readonly Measure[] = [
  { metric: 'bits per byte', unit: '', better: 'lower' },
  { metric: 'loss', unit: 'nats/token', better: 'lower' },
  ...cursorMeasures,
];

const planned: Task['planned'] = (spec) => (spec.imported ? 0 : spec.evaluation.heldOutWindows);

async function plan(context: PlanContext): Promise<Plan<Held>> {
  const { run, base, setting } = context;
  if (!run)
    throw new UserError(
      'bad-argument',
      'The task "workspace" measures on the held-out files of a run, and a model by itself has none.',
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
  const count = countOf(context, { quick: 16, planned });
  const windows = corpus.heldOutSequences(length, Number.isFinite(count) ? count : undefined);
  if (windows.length === 0)
    throw new UserError(
      'corpus-empty',
      'The run has no held-out text to measure on.',
      'Train on a folder with more files, or a data set with more rows.',
    );
  const tokenizer = await base.tokenizer();
  const files = heldOutFiles(corpus);
  const items = windows.map((window, index) => windowOf(window, index, tokenizer, files));
  const cursors = cursorItems(corpus, tokenizer, context);
  const documents = new Set(items.map(({ document, id }) => document ?? id)).size;
  const from = documents < items.length ? ` from ${documents} ${documents === 1 ? 'file' : 'files'}` : '';
  const sizes = [`${items.length} held-out sequences of up to ${length} tokens${from}`, ...cursors.settings];
  return {
    together: cursors.latencies,
    items: [...cursors.items, ...items],
    setting: `${setting}: ${sizes.join('; ')}`,
    measures,
  };
}

/** By where their tokens begin. */
const heldOutFiles = ({ documents }: Pick<Corpus, 'documents'>): Map<number, string> =>
  new Map(
    documents
      .filter(({ split, tokens }) => split === 'held-out' && tokens > 0)
      .map(({ offset, path }) => [offset, path]),
  );

function windowOf(
  { document: begin, ...sequence }: Sequence,
  index: number,
  tokenizer: Pick<Tokenizer, 'byteLength'>,
  files: ReadonlyMap<number, string>,
): Window {
  const { tokens, learned, starts } = sequence;
  const bytes = learnedBytes(sequence, tokenizer);
  const content = {
    kind: 'window' as const,
    tokens: [...tokens],
    learned: [...learned],
    starts: [...starts],
    bytes,
  };
  // Arrays of numbers are what its digest is of; as it came it takes a third of the memory.
  return {
    ...itemOf(`window ${index}`, content, { tokens: sum(learned), bytes }),
    ...sequence,
    document: begin === undefined ? undefined : files.get(begin),
  };
}

/**
 * Bytes of the text whose prediction counts. The tokens that end documents stand for none: their loss counts, and no
 * byte.
 */
function learnedBytes({ tokens, learned }: Sequence, { byteLength }: Pick<Tokenizer, 'byteLength'>): number {
  return tokens.subarray(1).reduce((total, token, at) => total + (learned[at] ? byteLength(token) : 0), 0);
}

async function scoreWindow(
  { tokens, learned, starts, bytes }: Window,
  model: EvaluatedModel,
): Promise<ItemScore> {
  const losses = await model.tokenLosses(tokens, starts);
  const nats = sum(losses.filter((_, at) => learned[at]));
  return {
    parts: {
      loss: { sum: nats, weight: learned.reduce((total, flag) => total + flag, 0) },
      'bits per byte': { sum: bitsPerByte(nats, 1), weight: bytes },
    },
    detail: { nats },
  };
}

export const workspaceTask: Task<Held> = {
  name: 'workspace',
  title: 'Held-out text',
  version: 5,
  ofRun: true,
  momentary: [LATENCY],
  planned,
  cost: 110,
  contextTokens: 1024,
  parallel: 32,
  plan,
  score: (item, model, { signal }) =>
    item.kind === 'window' ? scoreWindow(item, model) : scoreCursor(item as CursorItem, model, signal),
  scoreTogether: (item, models, { signal }) => scoreLatency(item as LatencyItem, models, signal),
};
