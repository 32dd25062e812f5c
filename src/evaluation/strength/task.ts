/**
 * The measurements by which the strength is chosen. They are quick and show small changes: the loss of the code at
 * held-out cursors, after the same prompt as for completion; the KL from the base on its own text; the loss of
 * HumanEval's solutions.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import { reportError } from '../../text/errors.ts';
import { CHARACTERS, EXACT_LINES } from '../../protocol/evaluation.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { predictedLines } from '../cursors/predicted-lines.ts';
import { cursorContinuations, type CursorContinuation } from '../cursors/continuations.ts';
import { logLikelihoods } from '../scoring/likelihood.ts';
import { natsToBits, spread, sum } from '../../statistics/statistics.ts';
import { loadProblems } from '../tasks/humaneval.ts';
import { sampleBaseTexts, textTokens } from '../tasks/retention.ts';
import { strengthPart } from '../progress.ts';
import { createItem, type Item, type ItemScore, type Plan, type PlanContext, type Task } from '../task.ts';
import { heldOutFiles, scoreWindow, toWindow, type Window } from '../tasks/workspace.ts';
import { msg, type Text } from '../../text/message.ts';

const MAX_CURSORS = 24;
/** Items per cursor. There are at most as many texts and solutions as the run measures at the end. */
const ITEM_RATIOS = { windows: 1 / 3, texts: 1 / 3, solutions: 5 / 6 };
/** With fewer cursors, which would be inconclusive, learning is measured on held-out windows instead. */
const MIN_CURSORS = 8;

/** `counted`: the continuation's `answerTokens`. Keys are part of an item's digest, by which scores are cached. */
type Content =
  | ({ kind: 'cursor'; counted: number } & Pick<CursorContinuation, 'tokens' | 'bytes'>)
  | { kind: 'text'; tokens: number[] }
  | { kind: 'solution'; context: string; continuation: string };
export type StrengthItem = (Item & Content) | Window;

export const LEARNED = 'bits per byte';
export const KL = 'KL from base';
export const SOLUTIONS = 'loss of solutions';

/** `spare`: number of cursors beyond the plan's, for a second look. */
export async function planStrength(
  context: PlanContext,
  spare = 0,
): Promise<Plan<StrengthItem> & { spare: StrengthItem[] }> {
  const { base, run } = context;
  const tokenizer = await base.tokenizer();
  const { limit: count = MAX_CURSORS } = context;
  const countFor = (kind: keyof typeof ITEM_RATIOS, most = Infinity) =>
    Math.min(Math.ceil(ITEM_RATIOS[kind] * count), most);
  const counts = { cursors: count, windows: countFor('windows'), spare };
  const learned = await learnedItems(run!.spec, await run!.corpus(), tokenizer, counts, context.signal);
  const { retentionTexts, humanevalProblems } = run!.spec.evaluation;
  const texts = await sampleBaseTexts({ ...context, setting: 'quick' }, countFor('texts', retentionTexts));
  const solutions = await solutionItems(context, countFor('solutions', humanevalProblems));
  return {
    items: [
      ...learned.items,
      ...texts
        .map((text) => textTokens(text, tokenizer))
        .filter((tokens) => tokens.length >= 2)
        .map((tokens, index) => createItem(`text ${index}`, { kind: 'text' as const, tokens })),
      ...solutions,
    ],
    setting: msg`${learned.setting}, ${texts.length} texts of the base's own, ${solutions.length} of HumanEval's solutions`,
    measures: [
      { metric: LEARNED, unit: '', better: 'lower' },
      { metric: EXACT_LINES, unit: '', better: 'higher' },
      { metric: CHARACTERS, unit: '', better: 'higher' },
      { metric: KL, unit: 'nats/token', better: 'lower', relative: true },
      { metric: SOLUTIONS, unit: 'nats/token', better: 'lower' },
    ],
    spare: learned.spare,
  };
}

/** Held-out cursors; windows if the corpus has hardly any cursors or is not a folder of files. */
async function learnedItems(
  spec: RunSpec,
  corpus: Corpus,
  tokenizer: Tokenizer,
  counts: { cursors: number; windows: number; spare: number },
  signal: AbortSignal | undefined,
): Promise<{ items: StrengthItem[]; spare: StrengthItem[]; setting: Text }> {
  const mayHaveCursors = spec.folder !== '' && spec.corpus.mode === 'pretrain';
  const { cursors, spare } = mayHaveCursors
    ? await cursorContinuations(corpus, tokenizer, spec, counts.cursors, { spare: counts.spare, signal })
    : { cursors: [], spare: [] };
  if (cursors.length >= MIN_CURSORS)
    return {
      items: interleaveKinds(cursors).map(cursorItem),
      spare: interleaveKinds(spare).map(cursorItem),
      setting: msg`${cursors.length} held-out cursors with the editor's prompts`,
    };
  const files = heldOutFiles(corpus);
  const items = corpus
    .heldOutSequences(spec.hyper.sequenceLength, counts.windows)
    .map((window, index) => toWindow(window, { kind: 'window', index }, tokenizer, files));
  return { items, spare: [], setting: msg`${items.length} held-out windows` };
}

/** Lines and blocks in turn, because not all may be measured. */
const interleaveKinds = (cursors: readonly CursorContinuation[]) =>
  interleave(cursors.map((cursor) => ({ ...cursor, document: cursor.path })));

const cursorItem = ({
  path,
  line,
  tokens,
  answerTokens: counted,
  bytes,
}: CursorContinuation): StrengthItem => ({
  ...createItem(`cursor at ${path}:${line}`, { kind: 'cursor' as const, tokens, counted, bytes }),
  document: path,
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
      const { losses, mostLikely } = await model.predictions(
        Int32Array.from([...item.tokens, eos]),
        text.length,
      );
      const prediction = predictedLines(text, mostLikely, bytesOf);
      return {
        parts: {
          [LEARNED]: { sum: natsToBits(sum(losses.subarray(0, -1))), weight: item.bytes },
          ...(prediction.lines > 0 && {
            [EXACT_LINES]: { sum: prediction.exact, weight: prediction.lines },
            [CHARACTERS]: { sum: prediction.right, weight: prediction.characters },
          }),
        },
      };
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

/** Not a task that the user can name, because it measures several strengths of one result. */
export const strengthTask: Task<StrengthItem> = {
  ...strengthPart,
  version: 5,
  needsRun: true,
  contextTokens: 1024,
  plan: planStrength,
  prepare: (items, model) =>
    model.expectKl(items.flatMap((item) => (item.kind === 'text' ? [Int32Array.from(item.tokens)] : []))),
  score,
};
