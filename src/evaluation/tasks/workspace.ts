/**
 * What was learned, on held-out text of the same corpus: its loss, and at cursors in held-out files how well the rest
 * of the line or the block is completed.
 */
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import { buildPrompt, languageIdOf } from '../../completion/index.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { Sequence } from '../../corpus/sequences.ts';
import { UserError } from '../../protocol/errors.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { answerAt, editSimilarity, findCursors, type Cursor, type CursorKind } from '../cursors.ts';
import { heldOutDocuments } from '../example.ts';
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

interface Window extends Item {
  kind: 'window';
  tokens: number[];
  learned: number[];
  starts: number[];
  bytes: number;
}
type Held = Window | (Item & Cursor);

const measures: readonly Measure[] = [
  { metric: 'bits per byte', unit: '', better: 'lower' },
  { metric: 'loss', unit: 'nats/token', better: 'lower' },
  ...(['line', 'block'] as const).flatMap((kind): Measure[] => [
    { metric: `${kind} exact match`, unit: '', better: 'higher', binary: true },
    { metric: `${kind} edit similarity`, unit: '', better: 'higher' },
  ]),
];

const cursorCounts = { line: { quick: 24, paper: 200 }, block: { quick: 12, paper: 100 } };
/** Less than an editor sends, so that many cursors are seen in little time. */
const BUDGET = { before: 1200, after: 300 };
const MOST_TOKENS = 128;

const planned: Task['planned'] = (spec) => spec.evaluation.heldOutWindows;

async function plan(context: PlanContext): Promise<Plan<Held>> {
  const { run, base, setting } = context;
  if (!run)
    throw new UserError(
      'bad-argument',
      'The task "workspace" measures on the held-out files of a run, and a model by itself has none.',
      'Name a run, or leave the task out.',
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
  const cursors = cursorsOf(corpus, tokenizer, context);
  const sizes = [
    `${windows.length} held-out sequences of up to ${length} tokens`,
    ...(cursors.length
      ? [`${cursors.length} held-out cursors with ${BUDGET.before} characters before them`]
      : []),
  ];
  return {
    items: [
      ...windows.map((window, index) => windowOf(window, index, tokenizer)),
      ...cursors.map((cursor) =>
        itemOf(`${cursor.kind} at ${cursor.path}:${cursor.line}`, cursor, { actual: cursor.actual }),
      ),
    ],
    setting: `${setting}: ${sizes.join('; ')}`,
    measures,
  };
}

/** Only files have cursors: rows of a data set are nobody's open document, and conversations have no lines of code. */
function cursorsOf(corpus: Corpus, tokenizer: Tokenizer, context: PlanContext): Cursor[] {
  const { folder, corpus: plan, evaluation }: RunSpec = context.run!.spec;
  if (!folder || plan.mode === 'instruct' || !evaluation.completions) return [];
  const documents = [...heldOutDocuments(corpus, tokenizer)];
  return (['line', 'block'] as const).flatMap((kind) =>
    findCursors(documents, kind, countOf(context, cursorCounts[kind])),
  );
}

function windowOf(sequence: Sequence, index: number, tokenizer: Pick<Tokenizer, 'byteLength'>): Window {
  const { tokens, learned, starts } = sequence;
  const bytes = learnedBytes(sequence, tokenizer);
  const content = {
    kind: 'window' as const,
    tokens: [...tokens],
    learned: [...learned],
    starts: [...starts],
    bytes,
  };
  return itemOf(`window ${index}`, content, { tokens: sum(learned), bytes });
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
  const losses = await model.tokenLosses(Int32Array.from(tokens), Int32Array.from(starts));
  const nats = sum(losses.filter((_, at) => learned[at]));
  return {
    parts: {
      loss: { sum: nats, weight: learned.reduce((total, flag) => total + flag, 0) },
      'bits per byte': { sum: bitsPerByte(nats, 1), weight: bytes },
    },
    detail: { nats },
  };
}

async function scoreCursor(cursor: Cursor, model: EvaluatedModel, signal?: AbortSignal): Promise<ItemScore> {
  const { kind, actual } = cursor;
  const document = { ...cursor, languageId: languageIdOf(cursor.path) };
  const { ask, heal } = buildPrompt(document, {
    model: model.name,
    fillInTheMiddle: await model.fillsInTheMiddle(),
    maxTokens: MOST_TOKENS,
    reach: kind satisfies CursorKind,
    budget: BUDGET,
  });
  const { text } = await model.complete({ ...ask, temperature: 0 }, signal);
  const answer = answerAt(cursor, text.startsWith(heal) ? text.slice(heal.length) : text);
  return {
    parts: {
      [`${kind} exact match`]: { sum: Number(answer === actual), weight: 1 },
      [`${kind} edit similarity`]: { sum: editSimilarity(answer, actual), weight: 1 },
    },
    detail: { answer },
  };
}

export const workspaceTask: Task<Held> = {
  name: 'workspace',
  title: 'Held-out text',
  version: 1,
  ofRun: true,
  planned,
  cost: 110,
  contextTokens: 1024,
  parallel: 32,
  plan,
  score: (item, model, { signal }) =>
    item.kind === 'window' ? scoreWindow(item, model) : scoreCursor(item, model, signal),
};
