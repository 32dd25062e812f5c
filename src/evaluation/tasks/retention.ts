/**
 * What was forgotten, without any data set: text that the base itself writes, and how far the result's
 * distribution has moved from the base's on it, KL(base || result), with the rise of the loss. Loss alone can
 * hide forgetting: it may fall while the KL grows.
 */
import { sampledTexts } from '../../serving/sampled-texts.ts';
import { compare } from '../compare.ts';
import { sum, type Part } from '../statistics.ts';
import type { Task, TaskContext } from './task.ts';

/** Tokens sampled for a text. */
const TEXT_TOKENS = { quick: 128, paper: 512 };
const PAPER_TEXTS = 64;

/** `count` of the texts that all runs of one base are measured on. */
async function textsFor(context: TaskContext, count: number): Promise<string[]> {
  const { spec, setting, models, signal } = context;
  const texts: string[] = [];
  const sampled = sampledTexts({
    purpose: 'retention',
    baseSha256: spec.base.sha256,
    tokens: TEXT_TOKENS[setting],
    host: () => context.host(),
    model: models.base,
    batch: Math.min(count, 16),
    signal,
  });
  for await (const { text } of sampled) if (texts.push(text) >= count) break;
  return texts;
}

async function run(context: TaskContext) {
  const { spec, setting, limit } = context;
  const count = limit ?? (setting === 'paper' ? PAPER_TEXTS : retentionTask.planned(spec));
  context.progress(0, count);
  const texts = await textsFor(context, count);
  const tokenizer = await context.tokenizer();
  const scorer = await context.scorer();
  const kl: Part[] = [];
  const loss: { before: Part[]; after: Part[] } = { before: [], after: [] };
  const rows: object[] = [];
  for (const [index, text] of texts.entries()) {
    context.signal?.throwIfAborted();
    const tokens = tokenizer.encode(text);
    // A text that ended at once has no next token to predict.
    if (tokens.length < 2) continue;
    const divergence = await scorer.tokenKl(tokens);
    const before = sum(await scorer.tokenLosses(tokens, 'base'));
    const after = sum(await scorer.tokenLosses(tokens, 'result'));
    kl.push({ sum: sum(divergence), weight: divergence.length });
    loss.before.push({ sum: before, weight: tokens.length - 1 });
    loss.after.push({ sum: after, weight: tokens.length - 1 });
    rows.push({
      item: index,
      tokens: tokens.length,
      text,
      kl: sum(divergence),
      before: { nats: before },
      after: { nats: after },
    });
    context.progress(index + 1, count);
  }
  await context.saveItems(rows);
  if (kl.length === 0) {
    context.warn('The base ends every text at once, so what it forgot can not be measured on its own text.');
    return [];
  }
  const how = `${setting}: ${kl.length} texts of up to ${TEXT_TOKENS[setting]} tokens sampled from the base at temperature 1`;
  const shared = { task: 'retention', unit: 'nats/token', better: 'lower', setting: how } as const;
  const zero = kl.map(({ weight }) => ({ sum: 0, weight }));
  return [
    compare({ ...shared, metric: 'KL from base', before: zero, after: kl }),
    compare({ ...shared, metric: 'loss', ...loss }),
  ];
}

export const retentionTask: Task = {
  name: 'retention',
  title: "The base's own text",
  planned: (spec) => spec.evaluation.retentionTexts,
  cost: 65,
  run,
};
