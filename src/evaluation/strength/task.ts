/**
 * The measurements by which a result is judged. They are quick and show small changes: the loss of the code at held-out
 * cursors, after the same prompt as for completion; the KL from the base on its own text; the loss of HumanEval's
 * solutions.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import { reportError } from '../../text/errors.ts';
import { BITS, CHARACTERS, EXACT_LINES } from '../../protocol/evaluation.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { predictedLines, type PredictedLine } from '../cursors/predicted-lines.ts';
import { cursorContinuations, LINES, type CursorContinuation } from '../cursors/continuations.ts';
import { logLikelihoods } from '../scoring/likelihood.ts';
import { natsToBits, spread, sum } from '../../statistics/statistics.ts';
import { loadProblems } from '../tasks/humaneval.ts';
import { sampleBaseTexts, textTokens } from '../tasks/retention.ts';
import { strengthPart } from '../progress.ts';
import {
  createItem,
  type Item,
  type ItemScore,
  type Measure,
  type Plan,
  type PlanContext,
  type Task,
} from '../task.ts';
import { heldOutFiles, scoreWindow, toWindow, type Window } from '../tasks/workspace.ts';
import { msg, type Text } from '../../text/message.ts';

/** With fewer cursors, which would be inconclusive, learning is measured on held-out windows instead. */
const MIN_CURSORS = 8;
/** Texts of the base's own, for an interval of the KL that says something, and solutions of HumanEval. */
const GUARDS = { texts: 16, solutions: 12 };

/** `begun`, `counted`: the continuation's `answerTokens`. Keys are part of an item's digest, by which scores are cached. */
type Content =
  | ({ kind: 'cursor'; counted: number } & Pick<CursorContinuation, 'tokens' | 'begun'>)
  | { kind: 'text'; tokens: number[] }
  | { kind: 'solution'; context: string; continuation: string };
export type StrengthItem = (Item & Content) | Window;
/** A cursor's item, with the beginning of its line. */
export type CursorItem = Extract<StrengthItem, { kind: 'cursor' }> & { line: number; typed: string };
export const isCursor = (item: StrengthItem): item is CursorItem => item.kind === 'cursor';

export const KL = 'KL from base';
export const SOLUTIONS = 'loss of solutions';

/** The metrics at cursors. */
export const cursorMeasures: readonly Measure[] = [
  { metric: BITS, unit: '', better: 'lower' },
  { metric: EXACT_LINES, unit: '', better: 'higher' },
  { metric: CHARACTERS, unit: '', better: 'higher' },
];

/** A plan whose items are those of `learned`, then of `forgotten`. */
export interface StrengthPlan extends Plan<StrengthItem> {
  /** In the order in which they are measured, as only the first of them may be. */
  learned: StrengthItem[];
  forgotten: StrengthItem[];
  /** The held-out code has no further cursors. */
  isAll: boolean;
  /** How so many of `learned` are measured, for display. */
  describe(count: number): Text;
}

/** `limit`: the number of cursors. */
export async function planStrength(context: PlanContext): Promise<StrengthPlan> {
  const { base, run } = context;
  const tokenizer = await base.tokenizer();
  const { limit: count = 24 } = context;
  const { retentionTexts, humanevalProblems } = run!.spec.evaluation;
  const { items: learned, ...found } = await learnedItems(
    run!.spec,
    await run!.corpus(),
    tokenizer,
    count,
    context.signal,
  );
  const texts = await sampleBaseTexts(
    { ...context, setting: 'quick' },
    retentionTexts > 0 ? Math.max(GUARDS.texts, retentionTexts) : 0,
  );
  const solutions = await solutionItems(context, Math.min(GUARDS.solutions, humanevalProblems));
  const forgotten = [
    ...texts
      .map((text) => textTokens(text, tokenizer))
      .filter((tokens) => tokens.length >= 2)
      .map((tokens, index) => createItem(`text ${index}`, { kind: 'text' as const, tokens })),
    ...solutions,
  ];
  return {
    learned,
    forgotten,
    ...found,
    items: [...learned, ...forgotten],
    setting: found.describe(learned.length),
    measures: [
      ...cursorMeasures,
      { metric: KL, unit: 'nats/token', better: 'lower', relative: true },
      { metric: SOLUTIONS, unit: 'nats/token', better: 'lower' },
    ],
  };
}

/** Held-out cursors; windows if the corpus has hardly any cursors or is not a folder of files. */
async function learnedItems(
  spec: RunSpec,
  corpus: Corpus,
  tokenizer: Tokenizer,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Pick<StrengthPlan, 'isAll' | 'describe'> & { items: StrengthItem[] }> {
  const mayHaveCursors = spec.folder !== '' && spec.corpus.mode === 'pretrain';
  const cursors = mayHaveCursors ? await cursorContinuations(corpus, tokenizer, spec, count, signal) : [];
  const isAll = cursors.length < count;
  if (cursors.length >= MIN_CURSORS)
    return {
      items: interleave(cursors.map((cursor) => ({ ...cursor, document: cursor.path }))).map(cursorItem),
      describe: (count) =>
        msg`${count} held-out cursors with the editor's prompts, up to ${LINES} lines at each`,
      isAll,
    };
  const files = heldOutFiles(corpus);
  const items = corpus
    .heldOutSequences(spec.hyper.sequenceLength, Math.ceil(count / 3))
    .map((window, index) => toWindow(window, { kind: 'window', index }, tokenizer, files));
  return { items, describe: (count) => msg`${count} held-out windows`, isAll: true };
}

const cursorItem = ({
  path,
  line,
  typed,
  tokens,
  begun,
  answerTokens: counted,
}: CursorContinuation): CursorItem => ({
  ...createItem(`cursor at ${path}:${line}`, { kind: 'cursor' as const, tokens, counted, begun }),
  document: path,
  line,
  typed,
});

/** Orders items so that every prefix has its share of each kind, from as many files as possible. Pure. */
export function interleave<T extends { kind: string; document?: string | undefined }>(
  items: readonly T[],
): T[] {
  const order = new Map<T, number>();
  for (const kind of new Set(items.map((item) => item.kind))) {
    const sameKind = items.filter((item) => item.kind === kind);
    const before = new Map<string, number>();
    const turns = sameKind.map(({ document = '' }) => {
      const turn = before.get(document) ?? 0;
      before.set(document, document ? turn + 1 : 0);
      return turn;
    });
    const inTurn = [...sameKind.keys()].sort((a, b) => turns[a]! - turns[b]! || a - b);
    for (const [rank, at] of inTurn.entries()) order.set(sameKind[at]!, (rank + 0.5) / sameKind.length);
  }
  return items.toSorted((a, b) => order.get(a)! - order.get(b)!);
}

/** Empty if they can't be downloaded: the KL shows forgetting too. */
async function solutionItems({ warn, signal }: PlanContext, count: number): Promise<StrengthItem[]> {
  if (count === 0) return [];
  try {
    const problems = await loadProblems(undefined, signal);
    return spread(problems.length, count).map((index) => {
      const { task_id, prompt, canonical_solution: continuation } = problems[index]!;
      return createItem(task_id, { kind: 'solution' as const, context: prompt, continuation });
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    warn(`The strength is chosen without HumanEval's solutions: ${reportError(error).message}`);
    return [];
  }
}

const score: Task<StrengthItem>['score'] = async (item, model): Promise<ItemScore> => {
  switch (item.kind) {
    case 'cursor': {
      const { bytesOf, eos } = await model.tokenizer();
      const text = [...item.tokens.slice(-item.counted), eos];
      const predicted = await model.predictions(Int32Array.from([...item.tokens, eos]), text.length);
      const lines = predictedLines(text, predicted.mostLikely, bytesOf, item.begun);
      return { parts: cursorParts(text.slice(0, -1).map(bytesOf), predicted.losses, lines), detail: lines };
    }
    case 'text': {
      const kl = await model.klFromBase(Int32Array.from(item.tokens));
      return { parts: { [KL]: { sum: sum(kl), weight: kl.length } } };
    }
    case 'solution': {
      const [solution] = await logLikelihoods(model, [item]);
      return { parts: { [SOLUTIONS]: { sum: -solution!.value, weight: solution!.tokens } } };
    }
    default:
      return scoreWindow(item, model);
  }
};

/** `texts`: of the tokens of the text at the cursor, with their losses. */
function cursorParts(
  texts: readonly string[],
  losses: Float32Array,
  lines: readonly PredictedLine[],
): ItemScore['parts'] {
  // A suggestion need not contain the line ends within a text.
  const counted = [...texts.keys()].filter((at) => !/^\s*\n\s*$/.test(texts[at]!));
  const total = (of: (line: PredictedLine) => number) => lines.reduce((all, line) => all + of(line), 0);
  return {
    [BITS]: {
      sum: natsToBits(counted.reduce((all, at) => all + losses[at]!, 0)),
      weight: counted.reduce((all, at) => all + texts[at]!.length, 0),
    },
    ...(lines.length > 0 && {
      [EXACT_LINES]: { sum: total(({ exact }) => Number(exact)), weight: lines.length },
      [CHARACTERS]: { sum: total(({ right }) => right), weight: total(({ characters }) => characters) },
    }),
  };
}

/** Not a task that the user can name, because it measures several strengths of one result. */
export const strengthTask: Task<StrengthItem> = {
  ...strengthPart,
  version: 6,
  needsRun: true,
  contextTokens: 1024,
  plan: planStrength,
  prepare: (items, model) =>
    model.expectKl(items.flatMap((item) => (item.kind === 'text' ? [Int32Array.from(item.tokens)] : []))),
  score,
};
