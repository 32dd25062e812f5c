/**
 * Which checkpoint a run keeps, and when it ends early: pure functions of the measurements, in their order. The state
 * is plain numbers and part of every checkpoint, so that a resumed run decides as if it had not been stopped.
 *
 * In the order of training, a checkpoint replaces the best so far if it is within the limit on forgetting and the best
 * is not; if both are within it, and its held-out loss is lower by more than noise; or if the difference is within
 * noise and it has the lower loss and forgot less. So of two similar checkpoints the earlier one stays, and many small
 * gains still count. If none is within the limit, the one that forgot least is kept.
 */
import { z } from 'zod';
import { pairedIntervals } from '../../statistics/intervals.ts';
import { ratio } from '../../statistics/statistics.ts';

export const partSchema = z.object({ sum: z.number(), weight: z.number(), document: z.string().optional() });
const candidateSchema = z.object({
  step: z.int(),
  /** Held-out loss in nats and number of tokens of each window; the same windows at every step. */
  windows: z.array(partSchema).min(1),
  /** The run's forgetting metric, if it was measured; higher is worse. */
  forgetting: z.number().optional(),
});
export type Candidate = z.infer<typeof candidateSchema>;

export const rankingSchema = z.object({
  best: candidateSchema.optional(),
  /** Lowest held-out loss within the limit, nats per token, and its step. */
  lowest: z.object({ step: z.int(), loss: z.number() }).optional(),
  /** Number of candidates since then, and whether the last one was within the limit. */
  since: z.int().default(0),
  within: z.boolean().default(true),
});
export type Ranking = z.infer<typeof rankingSchema>;

export interface Rule {
  /** The highest forgetting allowed; undefined means any. */
  limit?: number | undefined;
  patience?: number | undefined;
}

const lossOf = ({ windows }: Candidate) => ratio(windows);
const isWithin = ({ forgetting }: Candidate, limit: number | undefined) =>
  limit === undefined || (forgetting ?? Infinity) <= limit;

/** The ranking after one more checkpoint. With a limit, a checkpoint without measured forgetting is not a candidate. */
export function rank(ranking: Ranking, candidate: Candidate, { limit }: Rule): Ranking {
  if (limit !== undefined && candidate.forgetting === undefined) return ranking;
  const { best, lowest, since } = ranking;
  const within = isWithin(candidate, limit);
  const loss = lossOf(candidate);
  const improved = within && loss < (lowest?.loss ?? Infinity);
  return {
    best: !best || isBetter(candidate, best, limit) ? candidate : best,
    ...(improved ? { lowest: { step: candidate.step, loss } } : lowest && { lowest }),
    since: improved ? 0 : since + 1,
    within,
  };
}

/** Whether a later checkpoint replaces the best one so far. */
function isBetter(later: Candidate, best: Candidate, limit: number | undefined): boolean {
  const within = isWithin(later, limit);
  if (within !== isWithin(best, limit)) return within;
  if (!within) return later.forgetting! < best.forgetting!;
  const { difference } = pairedIntervals(best.windows, later.windows);
  if (difference.high < 0) return true;
  const [laterForgetting, bestForgetting] = [later.forgetting, best.forgetting];
  // Not significantly different in loss: the one that forgot less wins.
  return (
    difference.value <= 0 &&
    laterForgetting !== undefined &&
    bestForgetting !== undefined &&
    laterForgetting < bestForgetting
  );
}

/** Why training should end now; undefined if it should not. `describe` puts a forgetting metric into words. */
export function reasonToStop(
  { since, lowest, within }: Ranking,
  { limit, patience }: Rule,
  describe: (forgetting: number) => string,
): string | undefined {
  if (patience === undefined || since < patience) return undefined;
  const times = since === 1 ? 'the last evaluation' : `the last ${since} evaluations`;
  if (!within && limit !== undefined)
    return `${times} brought nothing better within the forgetting limit (${describe(limit)})`;
  return `the held-out loss did not fall in ${times}; the lowest was ${lowest!.loss.toFixed(3)} at step ${lowest!.step}`;
}

/** With fewer documents, Student's t requires a difference of more than four standard errors. */
const FEW_DOCUMENTS = 4;

/** With few documents, a remark that a gain would hardly have been seen. */
function uncertaintyNote({ windows }: Candidate): string {
  // Counts as intervals.ts does: each window by itself if all are from one document or the documents are unknown.
  const documents = new Set(windows.map(({ document }) => document)).size;
  const count = documents < 2 ? windows.length : documents;
  if (count >= FEW_DOCUMENTS) return '';
  const which = `${count} held-out ${documents < 2 ? 'window' : 'document'}${count === 1 ? '' : 's'}`;
  return `, but with ${which} a difference would rarely show, so a later one may still be better`;
}

/** Explains why the best checkpoint was chosen. `last` is the run's last step. */
export function describeBest(
  best: Candidate,
  last: number,
  limit: number | undefined,
  describe: (forgetting: number) => string,
): string {
  const loss = `held-out loss ${lossOf(best).toFixed(3)} nats/token`;
  const forgot = best.forgetting === undefined ? '' : `, ${describe(best.forgetting)}`;
  if (!isWithin(best, limit))
    return `no checkpoint is within the forgetting limit (${describe(limit!)}); this one forgot least: ${loss}${forgot}`;
  const among =
    limit === undefined ? '' : `of those within the forgetting limit (${describe(limit)}), this one `;
  const which = limit === undefined ? 'no later one' : 'no later one of them';
  const later = best.step < last ? `; ${which} is better by more than noise${uncertaintyNote(best)}` : '';
  return `${among}learned most: ${loss}${forgot}${later}`;
}
