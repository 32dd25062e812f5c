/**
 * Measures forgetting: how far the result's distribution has moved from the base's, KL(base || result), and the rise of
 * the loss. Uses text that the base itself writes, which needs no data, and source text if the user names some. Loss
 * alone can hide forgetting: it may fall while the KL grows.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { taskFacts } from '../../findings/task-facts.ts';
import { sampledTexts } from '../../serving/host/sampled-texts.ts';
import { sourceTexts } from '../scoring/source-texts.ts';
import { sum } from '../../statistics/statistics.ts';
import {
  itemCount,
  createItem,
  type Item,
  type Measure,
  type Plan,
  type PlanContext,
  type Task,
} from '../task.ts';
import { msg, joinTexts } from '../../text/message.ts';

/** Tokens sampled per text. */
export const TEXT_TOKENS = { quick: 128, paper: 512 };
const PAPER_TEXTS = 64;
/** Number of pieces of source text, and tokens per piece. */
const PIECES = { quick: 16, paper: 256 };
const PIECE_TOKENS = 256;

interface Text extends Item {
  /** Prefix of its metrics: "" for the base's own text. */
  prefix: string;
  tokens: number[];
}

const planned: Task['planned'] = (spec) => spec.evaluation.retentionTexts;

const measuresFor = (prefix: string): Measure[] => [
  { metric: `${prefix}KL from base`, unit: 'nats/token', better: 'lower', relative: true },
  { metric: `${prefix}loss`, unit: 'nats/token', better: 'lower' },
];
const SOURCE = 'source ';
const measures: readonly Measure[] = [...measuresFor(''), ...measuresFor(SOURCE)];

async function plan(context: PlanContext): Promise<Plan<Text>> {
  const { base, data, setting, warn, signal } = context;
  const baseTexts = await sampleBaseTexts(
    context,
    itemCount(context, { quick: 8, paper: PAPER_TEXTS, planned }),
  );
  const source =
    data === undefined
      ? []
      : await sourceTexts(data, itemCount(context, PIECES), {
          signal,
          onWarning: (message) => warn(message),
        });
  const tokenizer = await base.tokenizer();
  const toItems = (texts: readonly string[], prefix: string, most: number) =>
    texts
      .map((text, index) => ({ text, index, tokens: textTokens(text, tokenizer, most) }))
      // A text that ended at once has no token to predict.
      .filter(({ tokens }) => tokens.length >= 2)
      .map(({ text, index, tokens }) =>
        createItem(`${prefix}text ${index}`, { prefix, tokens }, { tokens: tokens.length, text }),
      );
  const [ownItems, sourceItems] = [toItems(baseTexts, '', Infinity), toItems(source, SOURCE, PIECE_TOKENS)];
  if (ownItems.length === 0)
    warn("The base ends every text at once, so forgetting can't be measured on its own text.");
  const sampled = msg`${ownItems.length} texts of up to ${TEXT_TOKENS[setting]} tokens sampled from the base at temperature 1`;
  const named = sourceItems.length
    ? [msg`${sourceItems.length} pieces of up to ${PIECE_TOKENS} tokens of ${data!}`]
    : [];
  return {
    items: [...ownItems, ...sourceItems],
    setting: joinTexts([sampled, ...named], '; '),
    measures,
  };
}

/** A text as the base writes it: after its start token, if it has one. At most `most` tokens of the text. */
export const textTokens = (
  text: string,
  { encode, start }: Pick<Tokenizer, 'encode' | 'start'>,
  most = Infinity,
): number[] => [...(start === undefined ? [] : [start]), ...encode(text).subarray(0, most)];

/** `count` texts sampled from the base, the same for all of its runs. */
export async function sampleBaseTexts(
  { base, setting, signal }: Pick<PlanContext, 'base' | 'setting' | 'signal'>,
  count: number,
): Promise<string[]> {
  const texts: string[] = [];
  if (count === 0) return texts;
  const sampled = sampledTexts({
    purpose: 'retention',
    baseSha256: base.digest,
    tokens: TEXT_TOKENS[setting],
    host: () => Promise.resolve({ complete: base.complete }),
    model: base.name,
    batch: Math.min(count, 16),
    signal,
  });
  for await (const { text } of sampled) if (texts.push(text) >= count) break;
  return texts;
}

const score: Task<Text>['score'] = async ({ prefix, tokens }, model) => {
  const ids = Int32Array.from(tokens);
  const divergence = await model.klFromBase(ids);
  const [kl, nats] = [sum(divergence), sum(await model.tokenLosses(ids))];
  return {
    parts: {
      [`${prefix}KL from base`]: { sum: kl, weight: divergence.length },
      [`${prefix}loss`]: { sum: nats, weight: tokens.length - 1 },
    },
    detail: { nats, kl },
  };
};

export const retentionTask: Task<Text> = {
  name: 'retention',
  ...taskFacts.retention,
  version: 1,
  planned,
  contextTokens: 1024,
  plan,
  prepare: (items, model) => model.expectKl(items.map(({ tokens }) => Int32Array.from(tokens))),
  score,
};
