/** Checks that the served model is the trained one, by comparing both engines' distributions on the same text. */
import { UserError } from '../protocol/errors.ts';
import { t, withPoint } from '../protocol/l10n.ts';
import { summarySchema, type Summary } from '../protocol/evaluation.ts';
import { evaluationSummaryPath } from './files.ts';
import { readText } from '../protocol/regular-file.ts';
import { klDivergence } from '../statistics/statistics.ts';

export type Served = NonNullable<Summary['served']>;

/**
 * Mean KL(trained || served) in nats per token up to which it is the same model. llama.cpp computes quantised weights
 * with 8-bit activations, the trainer with floats; a wrong adapter, scale or base is far beyond this limit.
 */
const SERVED_LIMIT = 0.01;
/**
 * For a few sensitive tokens, rounding alone changes the distribution: in bf16, two of 96 were 0.7 and 0.3 nats apart
 * while all others agreed to 0.0006. So this share of the tokens may differ if the others are below the stricter limit.
 */
const SENSITIVE = { share: 0.05, limit: SERVED_LIMIT / 4 };

/**
 * Compares row by row: one row of the vocabulary's size per position. `meanKl` and `limit` are for all rows or, if
 * only a few sensitive ones differ, for the others. Throws an Error if there are no rows or their numbers differ.
 */
export function compareDistributions(
  trained: readonly ArrayLike<number>[],
  served: readonly ArrayLike<number>[],
  limit = SERVED_LIMIT,
): Served {
  if (trained.length !== served.length || trained.length === 0)
    throw new Error(`${trained.length} trained and ${served.length} served positions`);
  const kl = trained.map((row, i) => klDivergence(row, served[i]!)).sort((a, b) => a - b);
  const meanKl = mean(kl);
  const tokens = trained.length;
  const others = mean(kl.slice(0, Math.ceil((1 - SENSITIVE.share) * tokens)));
  if (meanKl >= limit && others < SENSITIVE.limit)
    return { meanKl: others, limit: SENSITIVE.limit, tokens, ok: true };
  return { meanKl, limit, tokens, ok: meanKl < limit };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The verdict in a run's evaluation/summary.json; undefined if there is none yet. */
async function readServed(runDir: string): Promise<Served | undefined> {
  try {
    const json: unknown = JSON.parse(await readText(evaluationSummaryPath(runDir)));
    return summarySchema.parse(json).served;
  } catch {
    return undefined;
  }
}

/**
 * Throws UserError `adapter-mismatch` if the served model differs from the trained one. If that was never checked,
 * `check` does it now and writes the verdict into the summary.
 */
export async function requireVerified(runDir: string, check: () => Promise<void>): Promise<void> {
  if (!(await readServed(runDir))) await check();
  const served = await readServed(runDir);
  if (!served) throw new Error(`${runDir} was checked but has no verdict`);
  if (!served.ok) throw new UserError('adapter-mismatch', ...servedOtherwise(served));
}

/** The error's message and next step if the served model differs. */
export const servedOtherwise = ({ meanKl, limit }: Served): [message: string, next: string] => [
  t('The served model differs from the trained one: {kl} nats per token apart, where {limit} is allowed.', {
    kl: withPoint(meanKl.toPrecision(2)),
    limit: withPoint(String(limit)),
  }),
  t('Train again on the same base file, or use another run; if that does not help, report it.'),
];
