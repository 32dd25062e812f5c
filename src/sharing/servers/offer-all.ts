/** Offers several adapters to one server: a refused one doesn't affect the others. */
import { reportError, UserError, type ErrorCode } from '../../text/errors.ts';
import { refusalError, type OfferResult } from './offer.ts';

export interface Outcome {
  offered: OfferResult[];
  /** Those that were refused, by their names on the server, including those not tried after a fatal error. */
  failed: { name: string; error: unknown }[];
}

/** Errors of the server itself, which would affect every other adapter too. */
const serverErrors: ReadonlySet<ErrorCode> = new Set([
  ...(['endpoint-down', 'endpoint-slow', 'endpoint-token', 'endpoint-certificate'] as const),
  ...(['endpoint-address', 'endpoint-unknown'] as const),
]);

/** Calls `offer` for each in turn. Never throws. */
export async function offerAll<W extends { name: string }>(
  items: readonly W[],
  host: string,
  offer: (item: W) => Promise<OfferResult>,
): Promise<Outcome> {
  const outcome: Outcome = { offered: [], failed: [] };
  let serverError: unknown;
  for (const item of items) {
    const { name } = item;
    try {
      if (serverError !== undefined) throw serverError;
      const result = await offer(item);
      if (!result.offered) throw refusalError(result, host);
      outcome.offered.push(result);
    } catch (error) {
      outcome.failed.push({ name, error });
      if (serverErrors.has(reportError(error).code)) serverError = error;
    }
  }
  return outcome;
}

/** The error for a command that could not offer all of them; undefined if it could. */
export function failureFrom({ offered, failed }: Outcome, host: string): unknown {
  const [first, ...others] = failed;
  if (!first || others.length === 0) return first?.error;
  const names = failed.map(({ name }) => name).join(', ');
  return new UserError(
    reportError(first.error).code,
    `${failed.length} of ${offered.length + failed.length} adapters are not offered at ${host}: ${names}.`,
    'The message for each above says what to do; the others are offered.',
  );
}
