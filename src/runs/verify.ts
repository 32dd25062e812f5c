/** Checks that the served model is the trained one, by comparing the distributions of both on the same text. */
import { UserError } from '../text/errors.ts';
import { t, withPoint } from '../text/l10n.ts';
import { summarySchema, type Summary } from '../protocol/evaluation.ts';
import { evaluationSummaryPath } from './files.ts';
import { readText } from '../platform/files/regular-file.ts';
import { klDivergence } from '../statistics/statistics.ts';

export type Served = NonNullable<Summary['served']>;

/**
 * Mean KL(trained || served) in nats per token up to which it is the same model. llama.cpp computes quantised weights
 * with 8-bit activations, the trainer with floats; a wrong adapter, scale or base is far beyond this limit.
 */
const SERVED_LIMIT = 0.01;
/**
 * For a few sensitive tokens, rounding alone changes the distribution: of 96 tokens after Qwen2.5-Coder-1.5B, one was
 * 1.2 nats apart while all others agreed to 0.001. So this share of the tokens may differ if the others are below a
 * stricter limit.
 */
const SENSITIVE = { share: 0.05, stricter: 1 / 4 };

export interface Agreement {
  /** Nats per token; for all tokens or, if only a few sensitive ones differ, for the others. So is `limit`. */
  meanKl: number;
  limit: number;
  ok: boolean;
  /** The positions that `meanKl` is for. */
  counted: number[];
}

/** Whether two models are the same up to rounding. `kls`: their KL after each token, in nats. Pure. */
export function agreement(kls: readonly number[], limit: number): Agreement {
  const positions = kls.map((_, position) => position).sort((a, b) => kls[a]! - kls[b]!);
  const meanOf = (these: readonly number[]) => mean(these.map((position) => kls[position]!));
  const meanKl = meanOf(positions);
  const counted = positions.slice(0, Math.ceil((1 - SENSITIVE.share) * positions.length));
  const others = meanOf(counted);
  const stricter = limit * SENSITIVE.stricter;
  if (meanKl >= limit && others < stricter) return { meanKl: others, limit: stricter, ok: true, counted };
  return { meanKl, limit, ok: meanKl < limit, counted: positions };
}

type Rows = readonly ArrayLike<number>[];

/** What is rounding must be less than this share of the change, or nothing can be told of whether it was applied. */
const TELLING = 1 / 3;

/**
 * Compares row by row: one row of the vocabulary's size per position. `base`: of an adapter, the rows of both without
 * it. A small change is below the limit also where it was not applied: then the served rows must be nearer to the
 * trained ones than half way to the served base's. Throws an Error if there are no rows or their numbers differ.
 */
export function compareDistributions(
  trained: Rows,
  served: Rows,
  base?: { trained: Rows; served: Rows },
): Served {
  const { meanKl, limit, ok, counted } = agreement(divergences(trained, served), SERVED_LIMIT);
  const verdict = { meanKl, limit, tokens: trained.length, ok };
  if (!base || !ok) return verdict;
  const atCounted = (kls: readonly number[]) => mean(counted.map((position) => kls[position]!));
  const rounding = atCounted(divergences(base.trained, base.served));
  const change = atCounted(divergences(trained, base.served));
  const half = (rounding + change) / 2;
  return rounding < TELLING * change && meanKl >= half ? { ...verdict, limit: half, ok: false } : verdict;
}

function divergences(some: Rows, others: Rows): number[] {
  if (some.length !== others.length || some.length === 0)
    throw new Error(`${some.length} trained and ${others.length} served positions`);
  return some.map((row, at) => klDivergence(row, others[at]!));
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
