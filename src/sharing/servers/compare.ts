/**
 * Whether a remote server computes what was trained. It returns only the likeliest tokens, so the distributions are
 * compared on these and on all others combined; this KL is a lower bound of the full one. Pure.
 */
import { EXACT_LIMIT, QUANTISED_LIMIT } from '../../export/check-export.ts';
import { agreement } from '../../runs/verify.ts';
import { atPositions, mean } from '../../statistics/statistics.ts';

/** The likeliest tokens after a position, with their log-probabilities. */
export type TopTokens = ReadonlyMap<number, number>;

/**
 * KL between the base here and on the server, in nats per token, above which they are different models, not two
 * roundings of one.
 */
export const BASE_LIMIT = 0.1;
/** Less than this is rounding. */
const MIN_PROBABILITY = 1e-6;

export interface Rows {
  /** The trainer's rows, of the vocabulary's size, for each position. */
  trained: readonly ArrayLike<number>[];
  /** The trainer's rows for the base alone. */
  base: readonly ArrayLike<number>[];
  /** The server's rows for its base, and with the adapter. */
  serverBase: readonly TopTokens[];
  server: readonly TopTokens[];
}

export interface ServerCheck {
  /** Mean KL(trained || served), in nats per token, and its limit. */
  meanKl: number;
  limit: number;
  /** KL between the base here and on the server: the part due to rounding and quantisation. */
  baseKl: number;
  /** KL between the trained model and the server's base: the value if the adapter were not applied. */
  change: number;
  verdict: 'same' | 'differs' | 'not-applied' | 'other-base';
}

/**
 * The served adapter may be twice as far from the trainer as the server's base is, and at least as far as llama.cpp may
 * be here. If it is no nearer to the trained model than the server's base, it is not applied.
 */
export function judgeServer({ trained, base, serverBase, server }: Rows): ServerCheck {
  const baseKl = agreement(divergences(base, serverBase), BASE_LIMIT).meanKl;
  const limit = Math.max(QUANTISED_LIMIT, 2 * baseKl);
  const { meanKl, limit: applied, ok, counted: tokenCount } = agreement(divergences(trained, server), limit);
  const changes = divergences(trained, serverBase);
  const change = mean(tokenCount.map((position) => changes[position]!));
  const isNotApplied = meanKl >= change && change > EXACT_LIMIT;
  const verdict =
    baseKl >= BASE_LIMIT ? 'other-base' : isNotApplied ? 'not-applied' : ok ? 'same' : 'differs';
  return { meanKl, limit: applied, baseKl, change, verdict };
}

const divergences = (rows: readonly ArrayLike<number>[], tops: readonly TopTokens[]): number[] =>
  atPositions(rows, tops, partialKl);

/** KL in nats over the tokens in `top` and the rest of the vocabulary as one. */
export function partialKl(row: ArrayLike<number>, top: TopTokens): number {
  // In single precision they add up to 1 only within 1e-4.
  let total = 0;
  for (let token = 0; token < row.length; token += 1) total += row[token]!;
  let [kl, pRest, qRest] = [0, 1, 1];
  for (const [token, logProbability] of top) {
    const p = (row[token] ?? 0) / total;
    pRest -= p;
    qRest -= Math.exp(logProbability);
    if (p > 0) kl += p * (Math.log(p) - logProbability);
  }
  const [p, q] = [Math.max(pRest, MIN_PROBABILITY), Math.max(qRest, MIN_PROBABILITY)];
  return Math.max(0, kl + p * Math.log(p / q));
}
