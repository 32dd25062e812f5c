/** Is what is served what was trained? The two engines' distributions on the same text, compared. */
import { UserError } from '../protocol/errors.ts';
import { summarySchema, type Summary } from '../protocol/evaluation.ts';
import { evaluationSummaryPath } from './files.ts';
import { readText } from '../protocol/regular-file.ts';
import { klDivergence } from '../statistics/statistics.ts';

export type Served = NonNullable<Summary['served']>;

/**
 * Mean KL(trained || served) in nats per token that is still the same model. llama.cpp computes quantised weights
 * with 8-bit activations, the trainer with floats; a wrong adapter, scale or base is far beyond it.
 */
const SERVED_LIMIT = 0.01;
/**
 * Here and there a token's distribution hangs by a thread, and rounding alone turns it: in bf16, two of 96 were 0.7 and
 * 0.3 nats apart where all others agreed to 0.0006. So this share may differ, where the rest agrees the better.
 */
const SENSITIVE = { share: 0.05, limit: SERVED_LIMIT / 4 };

/**
 * Compares row by row (a row per position, of the vocabulary's size). `meanKl` and `limit` are of all rows, or where only
 * a few sensitive ones differ, of the others.
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

/** The verdict in a run's evaluation/summary.json; undefined when there is none yet. */
async function readServed(runDir: string): Promise<Served | undefined> {
  try {
    const json: unknown = JSON.parse(await readText(evaluationSummaryPath(runDir)));
    return summarySchema.parse(json).served;
  } catch {
    return undefined;
  }
}

/**
 * Throws `adapter-mismatch` for a result that was checked and found different. One that was never checked is checked
 * now: `check` writes the verdict into its summary.
 */
export async function requireVerified(runDir: string, check: () => Promise<void>): Promise<void> {
  if (!(await readServed(runDir))) await check();
  const served = await readServed(runDir);
  if (!served) throw new Error(`${runDir} was checked, and has no verdict`);
  if (!served.ok) throw new UserError('adapter-mismatch', ...servedOtherwise(served));
}

/** What happened, and what to do next. */
export const servedOtherwise = ({ meanKl, limit }: Served): [message: string, next: string] => [
  `The served model answers otherwise than the trained one did: ${meanKl.toPrecision(2)} nats per token apart, where ${limit} is allowed.`,
  'Train again on the same base file, or use another run; if it stays so, report it.',
];
