/** The served check: compares the distributions of the served and the trained model on the same text. */
import { UserError } from '../text/errors.ts';
import { t, withPoint } from '../text/l10n.ts';
import { summarySchema, type Summary } from '../protocol/evaluation.ts';
import { evaluationSummaryPath } from './files.ts';
import { readText } from '../platform/files/regular-file.ts';
import { divergences, mean, type Rows } from '../statistics/statistics.ts';

export type Served = NonNullable<Summary['served']>;

/**
 * Maximum mean KL(trained || served), in nats per token, for the same model. llama.cpp multiplies quantised weights
 * with 8-bit activations, the trainer with floats; a wrong adapter, scale or base is far beyond this limit.
 */
const SERVED_LIMIT = 0.01;
/**
 * At a few sensitive tokens, rounding alone changes the distribution: of 96 tokens with Qwen2.5-Coder-1.5B, one
 * differed by 1.2 nats while all others agreed to 0.001. So this share of the tokens may differ if the others meet a
 * stricter limit.
 */
const SENSITIVE = { share: 0.05, stricter: 1 / 4 };

interface Agreement {
  /** Nats per token, over all tokens or, if only a few sensitive ones differ, over the others; likewise `limit`. */
  meanKl: number;
  limit: number;
  ok: boolean;
  /** The positions that `meanKl` covers. */
  counted: number[];
}

/** Whether two models are equal up to rounding. `kls`: their KL at each token, in nats. Pure. */
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

/** If rounding exceeds this share of the adapter's change, the check can't tell whether the adapter was applied. */
const MAX_ROUNDING_SHARE = 1 / 3;

/**
 * Compares distributions: one row of vocabulary size per position. `base`: for an adapter, the rows of both models
 * without it. A small change could meet the limit even if it was not applied, so the served rows must also be closer to
 * the trained ones than halfway to those of the served base. Throws an Error if there are no rows or their numbers
 * differ.
 */
export function compareDistributions(
  trained: Rows,
  served: Rows,
  base?: { trained: Rows; served: Rows },
): Served {
  const { meanKl, limit, ok, counted } = agreement(divergences(trained, served), SERVED_LIMIT);
  const verdict = { meanKl, limit, tokens: trained.length, ok };
  if (!base || !ok) return verdict;
  const meanAtCounted = (kls: readonly number[]) => mean(counted.map((position) => kls[position]!));
  const rounding = meanAtCounted(divergences(base.trained, base.served));
  const change = meanAtCounted(divergences(trained, base.served));
  const half = (rounding + change) / 2;
  return rounding < MAX_ROUNDING_SHARE * change && meanKl >= half
    ? { ...verdict, limit: half, ok: false }
    : verdict;
}

/** The verdict from a run's evaluation/summary.json; undefined if there is none yet. */
async function readServed(runDir: string): Promise<Served | undefined> {
  try {
    const json: unknown = JSON.parse(await readText(evaluationSummaryPath(runDir)));
    return summarySchema.parse(json).served;
  } catch {
    return undefined;
  }
}

/**
 * Throws UserError `adapter-mismatch` if the served model differs from the trained one. If this was never checked,
 * calls `check`, which writes the verdict into the summary.
 */
export async function requireVerified(runDir: string, check: () => Promise<void>): Promise<void> {
  if (!(await readServed(runDir))) await check();
  const served = await readServed(runDir);
  if (!served) throw new Error(`${runDir} was checked but has no verdict`);
  if (!served.ok) throw new UserError('adapter-mismatch', ...servedMismatch(served));
}

/** The message and next step of the error. */
export const servedMismatch = ({ meanKl, limit }: Served): [message: string, next: string] => [
  t('The served model differs from the trained one: {kl} nats per token apart, where {limit} is allowed.', {
    kl: withPoint(meanKl.toPrecision(2)),
    limit: withPoint(String(limit)),
  }),
  t('Train again on the same base file, or use another run; if that does not help, report it.'),
];
