/**
 * Completes at held-out cursors with the whole completion core, as in the editor: gate, other files of the corpus,
 * prompt, clean-up. Scores what the user would see.
 */
import { z } from 'zod';
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { RunSpec } from '../../protocol/run.ts';
import {
  requestAt,
  completeAt,
  rightText,
  type CursorOptions,
  type PlacedCursor,
} from '../cursors/completion.ts';
import { calibrate, defaultBudget, type Outcome } from '../../completion/index.ts';
import { pieceConfidence } from '../../serving/tokens/confidence.ts';
import type { HostCompletion } from '../../serving/host-types.ts';
import type { Calibrated } from '../../protocol/evaluation.ts';
import { answerAt, editSimilarity, findCursors, savedCharacters, type Cursor } from '../cursors/cursors.ts';
import { heldOutDocuments } from '../cursors/held-out.ts';
import { placeCursors } from '../cursors/place.ts';
import { spread } from '../../statistics/statistics.ts';
import {
  itemCount,
  createItem,
  type EvaluatedModel,
  type Item,
  type ItemScore,
  type Measure,
  type PlanContext,
} from '../task.ts';
import { msg, type Text } from '../../text/message.ts';

export type CursorItem = Item & PlacedCursor;
/** A cursor at which models are timed alternately, while nothing else is computed. */
export type LatencyItem = Item & { kind: 'latency'; cursor: PlacedCursor; tokens: number };

export const LATENCY = 'latency';
export const SAVED = 'characters saved';
export const cursorMeasures: readonly Measure[] = [
  ...(['line', 'block'] as const).flatMap((kind): Measure[] => [
    { metric: `${kind} exact match`, unit: '', better: 'higher', binary: true },
    { metric: `${kind} edit similarity`, unit: '', better: 'higher' },
  ]),
  { metric: SAVED, unit: '', better: 'higher' },
  { metric: LATENCY, unit: 'ms', better: 'lower' },
];

const counts = {
  line: { quick: 12, paper: 200 },
  block: { quick: 4, paper: 100 },
  latency: { quick: 3, paper: 30 },
};
/** Tokens generated for a latency: about the rest of a line, the same number for all models. */
const TIMED_TOKENS = 16;
/** How often each model is timed at a cursor. */
const ROUNDS = 2;
const MAX_TOKENS = 128;
/**
 * Characters before the cursor that are not in the model's cache yet when a latency is measured: a keystroke or two.
 */
const UNREAD = 2;

/**
 * Only files of a folder have cursors: rows of a data set are not open documents, and conversations have no lines of
 * code.
 */
export async function cursorItems(
  corpus: Corpus,
  tokenizer: Tokenizer,
  context: PlanContext,
): Promise<{ items: CursorItem[]; latencies: LatencyItem[]; settings: Text[] }> {
  const none = { items: [], latencies: [], settings: [] };
  const { spec } = context.run!;
  const { folder, corpus: plan, evaluation }: RunSpec = spec;
  if (!folder || plan.mode === 'instruct' || !evaluation.completions) return none;
  const cursors = findCursors(heldOutDocuments(corpus, tokenizer), {
    line: itemCount(context, counts.line),
    block: itemCount(context, counts.block),
  });
  if (cursors.length === 0) return none;
  const placed = await placeCursors(cursors, corpus, tokenizer, spec, { signal: context.signal });
  // More would take long and add little.
  const timed = Math.min(itemCount(context, counts.latency), counts.latency.paper);
  const latencies = spreadOverFiles(placed, timed).map((cursor): LatencyItem => {
    const content = { kind: 'latency' as const, cursor, tokens: TIMED_TOKENS };
    return { ...createItem(`latency at ${cursor.path}:${cursor.line}`, content), document: cursor.path };
  });
  return {
    latencies,
    items: placed.map((cursor) => ({
      ...createItem(`${cursor.kind} at ${cursor.path}:${cursor.line}`, cursor, { actual: cursor.actual }),
      document: cursor.path,
      first: true,
    })),
    settings: [
      msg`${cursors.length} held-out cursors in ${countFiles(cursors)} with the editor's prompts: up to ${defaultBudget.before} characters before them, ${defaultBudget.after} after, and ${defaultBudget.others!} of other files`,
      msg`latency: time to the first ${TIMED_TOKENS} tokens at ${latencies.length} cursors in ${countFiles(latencies.map(({ cursor }) => cursor))}, best of ${ROUNDS}; base and result alternate, on as many threads as completion uses, and everything before the last keystroke has already been processed`,
    ],
  };
}

/** Chooses `count` cursors from as many files as possible, since two cursors of one file add little. */
function spreadOverFiles(cursors: readonly PlacedCursor[], count: number): PlacedCursor[] {
  const files = new Map<string, number>();
  const rank = new Map(
    cursors.map((cursor) => {
      const before = files.get(cursor.path) ?? 0;
      files.set(cursor.path, before + 1);
      return [cursor, before];
    }),
  );
  const chosen: PlacedCursor[] = [];
  for (let round = 0; chosen.length < Math.min(count, cursors.length); round += 1) {
    const next = cursors.filter((cursor) => rank.get(cursor) === round);
    chosen.push(...spread(next.length, count - chosen.length).map((index) => next[index]!));
  }
  return chosen;
}

function countFiles(cursors: readonly Cursor[]): Text {
  const count = new Set(cursors.map(({ path }) => path)).size;
  return count === 1 ? msg`1 file` : msg`${count} files`;
}

export async function scoreCursor(
  cursor: PlacedCursor,
  model: EvaluatedModel,
  signal?: AbortSignal,
): Promise<ItemScore> {
  const { kind } = cursor;
  const actual = rightText(cursor);
  let logProbabilities: HostCompletion['logProbabilities'];
  const shown = await completeAt(cursor, optionsFor(model, signal), async (ask, stop) => {
    // Without the cache, answers don't depend on how fast the machine happens to be.
    const greedy = { ...ask, temperature: 0, confidence: true, cachePrompt: false };
    const completion = await model.completeAlone(greedy, stop);
    logProbabilities = completion.logProbabilities;
    return completion;
  });
  const answer = answerAt(cursor, shown);
  const { saved, all } = savedCharacters(shown, actual);
  return {
    parts: {
      [`${kind} exact match`]: { sum: Number(answer === actual), weight: 1 },
      [`${kind} edit similarity`]: { sum: editSimilarity(answer, actual), weight: 1 },
      [SAVED]: { sum: saved, weight: all },
    },
    detail: { answer, ...toOutcome(shown, actual, logProbabilities) },
  };
}

/** The model's log probability of the first line it shows, and whether the line was usable. */
function toOutcome(
  shown: string,
  actual: string,
  logProbabilities: HostCompletion['logProbabilities'] = [],
): { outcome?: Outcome } {
  const line = firstWritten(shown);
  if (!line || logProbabilities.length === 0) return {};
  const logprob = pieceConfidence(logProbabilities.filter(({ offset }) => offset < line.length));
  const right = savedCharacters(line, actual).saved >= savedCharacters(line, line).all / 2;
  return { outcome: { logprob, right } };
}

/** The text up to the end of its first line that is not blank. */
const firstWritten = (text: string): string => /^\s*[^\n]*/.exec(text)![0].trimEnd();

/** Calibration from the result's log probability to its chance of being right; undefined if it suggested nothing. */
export function fitCalibration(scores: readonly ItemScore[]): Calibrated | undefined {
  const outcomes = scores.flatMap(({ detail }) => outcomeSchema.safeParse(detail).data?.outcome ?? []);
  return outcomes.length > 0 ? { ...calibrate(outcomes), count: outcomes.length } : undefined;
}
const outcomeSchema = z.object({ outcome: z.object({ logprob: z.number(), right: z.boolean() }) });

/**
 * Measures for each model the milliseconds from the request to the item's number of tokens, ignoring end tokens and
 * stops. The models alternate, each going first equally often, so that warming up and other load affect all alike.
 * Returns no parts if completion would not be requested at the cursor.
 */
export async function scoreLatency(
  { cursor, tokens }: LatencyItem,
  models: readonly EvaluatedModel[],
  signal?: AbortSignal,
): Promise<ItemScore[]> {
  const times = models.map((): number[] => []);
  const ask = await requestAt(cursor, optionsFor(models[0]!, signal));
  if (!ask) return times.map(() => ({ parts: {} }));
  const typedText = (ask.begun ?? '') + (ask.heal ?? '');
  // Without text after the cursor, the prompt is a single text.
  const text = ask.suffix ? { prompt: ask.prompt, begun: typedText } : { prompt: ask.prompt + typedText };
  const last = ask.suffix
    ? { begun: typedText.slice(0, -UNREAD) }
    : { prompt: text.prompt.slice(0, -UNREAD) };
  const request = { ...ask, ...text, heal: undefined, stop: undefined, ignoreEnd: true, temperature: 0 };
  const warmUp = { ...request, ...last, maxTokens: 1 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const turns = [...models.entries()];
    for (const [at, model] of round % 2 ? turns.reverse() : turns) {
      await model.completeAlone(warmUp, signal);
      const start = performance.now();
      const { completionTokens } = await model.completeAlone({ ...request, maxTokens: tokens }, signal);
      times[at]!.push(performance.now() - start);
      if (completionTokens !== tokens)
        throw new Error(`${completionTokens} tokens were timed instead of ${tokens}`);
    }
  }
  return times.map((modelTimes) => ({
    parts: { [LATENCY]: { sum: Math.min(...modelTimes), weight: 1 } },
    detail: { times: modelTimes },
  }));
}

const optionsFor = (model: EvaluatedModel, signal: AbortSignal | undefined): CursorOptions => ({
  fillInTheMiddle: () => model.fillsInTheMiddle(),
  maxTokens: MAX_TOKENS,
  model: model.name,
  signal,
});
