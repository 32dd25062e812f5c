/** Several adapters for one server: one that is refused takes nothing from the others. */
import { reportError, UserError, type ErrorCode } from '../../text/errors.ts';
import { notOffered, type Offered } from './offer.ts';

export interface Outcome {
  offered: Offered[];
  /** Those that were refused, by their names on the server; also such as were not tried any more. */
  failed: { name: string; error: unknown }[];
}

/** What is wrong with the server itself, so that every other adapter would hear the same. */
const ofServer: ReadonlySet<ErrorCode> = new Set([
  ...(['endpoint-down', 'endpoint-slow', 'endpoint-token', 'endpoint-certificate'] as const),
  ...(['endpoint-address', 'endpoint-unknown'] as const),
]);

/** Calls `offer` with one after the other. Never throws. */
export async function offerAll<W extends { name: string }>(
  wanted: readonly W[],
  host: string,
  offer: (item: W) => Promise<Offered>,
): Promise<Outcome> {
  const outcome: Outcome = { offered: [], failed: [] };
  let over: unknown;
  for (const item of wanted) {
    const { name } = item;
    try {
      if (over !== undefined) throw over;
      const done = await offer(item);
      if (!done.offered) throw notOffered(done, host);
      outcome.offered.push(done);
    } catch (error) {
      outcome.failed.push({ name, error });
      if (ofServer.has(reportError(error).code)) over = error;
    }
  }
  return outcome;
}

/** With what a command ends that could not offer all; undefined if it could. */
export function failureOf({ offered, failed }: Outcome, host: string): unknown {
  const [first, ...others] = failed;
  if (!first || others.length === 0) return first?.error;
  const names = failed.map(({ name }) => name).join(', ');
  return new UserError(
    reportError(first.error).code,
    `${failed.length} of ${offered.length + failed.length} adapters are not offered at ${host}: ${names}.`,
    'What is said of each above says what to do; the others are offered.',
  );
}
