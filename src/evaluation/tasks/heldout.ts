/** Loss and bits per byte of base and result on held-out files of the same workspace: what was learned. */
import { windows } from '../../corpus/packing.ts';
import { UserError } from '../../protocol/errors.ts';
import { compare } from '../compare.ts';
import { bitsPerByte, sum, type Part } from '../statistics.ts';
import type { Task, TaskContext } from './task.ts';

async function run(context: TaskContext) {
  const { spec, setting, limit } = context;
  const corpus = await context.corpus();
  const tokenizer = await context.tokenizer();
  const length = spec.hyper.sequenceLength;
  const count = limit ?? (setting === 'paper' ? Number.MAX_SAFE_INTEGER : heldOutTask.planned(spec));
  const chosen = windows(corpus.heldOut, length, { count });
  if (chosen.length === 0)
    throw new UserError(
      'corpus-empty',
      'The run has no held-out text to measure on.',
      'Train on a folder with more files.',
    );

  context.progress(0, chosen.length);
  const scorer = await context.scorer();
  const loss: { before: Part[]; after: Part[] } = { before: [], after: [] };
  const bits: { before: Part[]; after: Part[] } = { before: [], after: [] };
  const rows: object[] = [];
  for (const [index, window] of chosen.entries()) {
    context.signal?.throwIfAborted();
    // The tokens between documents decode to nothing: their loss counts, and no byte.
    const bytes = Buffer.byteLength(tokenizer.decode(window.subarray(1)));
    const tokens = window.length - 1;
    const nats = {
      before: sum(await scorer.tokenLosses(window, 'base')),
      after: sum(await scorer.tokenLosses(window, 'result')),
    };
    for (const side of ['before', 'after'] as const) {
      loss[side].push({ sum: nats[side], weight: tokens });
      bits[side].push({ sum: bitsPerByte(nats[side], 1), weight: bytes });
    }
    rows.push({ item: index, tokens, bytes, before: { nats: nats.before }, after: { nats: nats.after } });
    context.progress(index + 1, chosen.length);
  }
  await context.saveItems(rows);
  const how = `${setting}: ${chosen.length} held-out windows of up to ${length} tokens`;
  const shared = { task: 'heldout', better: 'lower', setting: how } as const;
  return [
    compare({ ...shared, metric: 'bits per byte', unit: '', ...bits }),
    compare({ ...shared, metric: 'loss', unit: 'nats/token', ...loss }),
  ];
}

export const heldOutTask: Task = {
  name: 'heldout',
  title: 'Held-out text',
  planned: (spec) => spec.evaluation.heldOutWindows,
  cost: 67,
  run,
};
