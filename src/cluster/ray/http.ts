/**
 * Requests to a Ray cluster's dashboard. Whatever goes wrong becomes a UserError: one sentence, and what to do. They are
 * made by undici's `request`: Ray refuses to change anything for `fetch`, whose headers it takes for a browser's.
 */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { causeOf, dispatcherTo } from '../../platform/network/http.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { ClusterAddress } from './address.ts';

export interface Cluster {
  address: ClusterAddress;
  /** Sent in a header, to this cluster only. */
  token?: string | undefined;
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT';
  /** Sent as it is, or as JSON. */
  body?: Buffer | object;
  signal?: AbortSignal | undefined;
  /** Milliseconds until the answer is there; where it is taken piece by piece, until it begins. */
  within: number;
  /** Statuses beside those of success that mean something to the caller. */
  also?: readonly number[];
  /**
   * Takes the body of a good answer piece by piece; its `text` is empty then. How long all of it takes has no limit, but
   * undici ends one that stops coming. A UserError that it throws is passed on.
   */
  take?: (body: Readable) => Promise<void>;
}

export interface Answer {
  status: number;
  text: string;
}

/** Longer answers are cut in messages. */
const LONGEST_SAID = 200;

/**
 * The whole answer to a request for `path`, which begins with a slash. Throws UserError `cluster-token`,
 * `cluster-address` (it sends requests on), `cluster-limit` (too large), `cluster-unknown` (no such route),
 * `cluster-failed`, `cluster-down`, and what `signal` was aborted with.
 */
export async function askRay(cluster: Cluster, path: string, ask: Ask): Promise<Answer> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ask.within);
  try {
    const received = await send(cluster, path, ask, late.signal, () => clearTimeout(timer));
    return accepted(cluster, received, ask.also ?? []);
  } catch (error) {
    if (ask.signal?.aborted) throw ask.signal.reason;
    if (late.signal.aborted) throw tooSlow(cluster, ask.within);
    throw error instanceof UserError ? error : unreachable(cluster, error);
  } finally {
    clearTimeout(timer);
  }
}

type Received = Answer & { location: string | undefined };

async function send(
  cluster: Cluster,
  path: string,
  { method = 'GET', body, signal, take }: Ask,
  late: AbortSignal,
  onBegun: () => void,
): Promise<Received> {
  const { request } = await import('undici');
  const url = cluster.address.url + path;
  const {
    statusCode,
    headers,
    body: answer,
  } = await request(url, {
    method,
    headers: {
      ...headersFor(cluster),
      ...(body && {
        'content-type': Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json',
      }),
    },
    ...(body && { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    ...(await wayTo(cluster)),
    signal: signal ? AbortSignal.any([signal, late]) : late,
  });
  const received = { status: statusCode, location: headers['location']?.toString() };
  if (!take || statusCode !== 200) return { ...received, text: await answer.text() };
  onBegun();
  await take(answer);
  return { ...received, text: '' };
}

/** A proxy does not lead to this machine. */
async function wayTo({ address }: Cluster): Promise<{ dispatcher?: Dispatcher }> {
  const dispatcher = address.here ? undefined : await dispatcherTo(address.url);
  return dispatcher ? { dispatcher } : {};
}

/** Checked here, because what Node says of a header that it can't send has the token in it. */
export function headersFor({ address: { host }, token }: Cluster): Record<string, string> {
  const given = token?.trim();
  if (!given) return {};
  if (/^[\x21-\x7e]+$/.test(given)) return { authorization: `Bearer ${given}` };
  throw new UserError(
    'cluster-token',
    msg`The token for the cluster at ${host} has characters in it that no token has.`,
    msg`Put the cluster's token into RAY_AUTH_TOKEN.`,
  );
}

function accepted(cluster: Cluster, { status, text, location }: Received, also: readonly number[]): Answer {
  if ((status >= 200 && status < 300) || also.includes(status)) return { status, text };
  const { host } = cluster.address;
  const to = location ?? 'another address';
  if (status >= 300 && status < 400)
    throw new UserError(
      'cluster-address',
      msg`The cluster at ${host} sends requests on to ${to}, and your code's tokens go only where you said.`,
      msg`Give that address if you trust it.`,
    );
  if (status === 401 || status === 403) throw wrongToken(cluster);
  if (status === 413)
    throw new UserError(
      'cluster-limit',
      msg`The cluster at ${host} does not take a package of this size.`,
      msg`Learn from fewer files or with --tokens, so that the corpus is smaller.`,
    );
  if (status === 404 || status === 405)
    throw new UserError(
      'cluster-unknown',
      msg`What answers at ${host} is no dashboard of a Ray cluster (HTTP ${status}).`,
      msg`Check the address; the dashboard usually has port 8265.`,
    );
  const why = said(cluster, text) ?? `HTTP ${status}`;
  throw new UserError(
    'cluster-failed',
    msg`The cluster at ${host} failed: ${why}.`,
    msg`Try again later, or look at the logs in the cluster's dashboard.`,
  );
}

const wrongToken = ({ address: { host }, token }: Cluster) =>
  new UserError(
    'cluster-token',
    token?.trim()
      ? msg`The cluster at ${host} refuses the token.`
      : msg`The cluster at ${host} wants a token.`,
    msg`Put the cluster's token into RAY_AUTH_TOKEN; \`ray get-auth-token\` prints it where the cluster was started.`,
  );

/** The last line of what it says, which is the error's in a traceback of Python; undefined if it says nothing. */
export function said({ token }: Pick<Cluster, 'token'>, text: string): string | undefined {
  const last = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .at(-1)
    ?.replace(/\s+/g, ' ')
    .replace(/\.$/, '');
  // It gets into logs, and a server may repeat what it was sent.
  const clean = token?.trim() ? last?.replaceAll(token.trim(), '…') : last;
  return clean && clean.length > LONGEST_SAID ? `${clean.slice(0, LONGEST_SAID)}…` : clean;
}

const OF_TLS = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME|^EPROTO|^ERR_SSL_/;

function unreachable({ address: { host } }: Cluster, error: unknown): UserError {
  const { code } = error as NodeJS.ErrnoException;
  const why = code ?? causeOf(error);
  return new UserError(
    'cluster-down',
    msg`The cluster at ${host} can't be reached (${why}).`,
    OF_TLS.test(why)
      ? msg`Let this machine trust its certificate (NODE_EXTRA_CA_CERTS names a file of certificates), and check whether its address begins with https or with http.`
      : msg`Check that it runs, that a tunnel to it is open, and its address.`,
    { cause: error },
  );
}

function tooSlow({ address: { host } }: Cluster, within: number): UserError {
  const seconds = Math.round(within / 1000);
  return new UserError(
    'cluster-down',
    msg`The cluster at ${host} did not answer within ${seconds} s.`,
    msg`It may be starting or be busy: try again.`,
  );
}
