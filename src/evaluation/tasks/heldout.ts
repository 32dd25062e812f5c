/** Loss and bits per byte of base and result on held-out text of the same corpus: what was learned. */
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import type { Sequence } from '../../corpus/sequences.ts';
import { UserError } from '../../protocol/errors.ts';
import { compare } from '../compare.ts';
import { bitsPerByte, sum, type Part } from '../statistics.ts';
import type { Which } from '../../training/scorer.ts';
import type { Task, TaskContext } from './task.ts';

async function run(context: TaskContext) {
  const { spec, setting, limit } = context;
  const corpus = await context.corpus();
  const tokenizer = await context.tokenizer();
  const length = spec.hyper.sequenceLength;
  const count = limit ?? (setting === 'paper' ? undefined : heldOutTask.planned(spec));
  const chosen = corpus.heldOutSequences(length, count);
  if (chosen.length === 0)
    throw new UserError(
      'corpus-empty',
      'The run has no held-out text to measure on.',
      'Train on a folder with more files, or a data set with more rows.',
    );

  context.progress(0, chosen.length);
  const scorer = await context.scorer();
  const loss: { before: Part[]; after: Part[] } = { before: [], after: [] };
  const bits: { before: Part[]; after: Part[] } = { before: [], after: [] };
  const rows: object[] = [];
  for (const [index, sequence] of chosen.entries()) {
    context.signal?.throwIfAborted();
    const bytes = learnedBytes(sequence, tokenizer);
    const tokens = sum(sequence.learned);
    const natsOf = async (side: Which) => {
      const losses = await scorer.tokenLosses(sequence.tokens, side, sequence.starts);
      return sum(losses.filter((_, at) => sequence.learned[at]));
    };
    const nats = { before: await natsOf('base'), after: await natsOf('result') };
    for (const side of ['before', 'after'] as const) {
      loss[side].push({ sum: nats[side], weight: tokens });
      bits[side].push({ sum: bitsPerByte(nats[side], 1), weight: bytes });
    }
    rows.push({ item: index, tokens, bytes, before: { nats: nats.before }, after: { nats: nats.after } });
    context.progress(index + 1, chosen.length);
  }
  await context.saveItems(rows);
  const how = `${setting}: ${chosen.length} held-out sequences of up to ${length} tokens`;
  const shared = { task: 'heldout', better: 'lower', setting: how } as const;
  return [
    compare({ ...shared, metric: 'bits per byte', unit: '', ...bits }),
    compare({ ...shared, metric: 'loss', unit: 'nats/token', ...loss }),
  ];
}

/**
 * Bytes of the text whose prediction counts. The tokens that end documents stand for none: their loss counts, and no
 * byte.
 */
function learnedBytes({ tokens, learned }: Sequence, { byteLength }: Pick<Tokenizer, 'byteLength'>): number {
  return tokens.subarray(1).reduce((sum, token, at) => sum + (learned[at] ? byteLength(token) : 0), 0);
}

export const heldOutTask: Task = {
  name: 'heldout',
  title: 'Held-out text',
  planned: (spec) => spec.evaluation.heldOutWindows,
  cost: 67,
  run,
};
