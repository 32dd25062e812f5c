/**
 * Requests to a Ray cluster's dashboard. All failures become UserErrors. Uses undici's `request` because Ray rejects
 * modifying requests from `fetch`, whose headers look like a browser's.
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

export interface RayRequest {
  method?: 'GET' | 'POST' | 'PUT';
  /** A Buffer is sent as is, an object as JSON. */
  body?: Buffer | object;
  signal?: AbortSignal | undefined;
  /** Milliseconds until the complete response or, if it is streamed, until its start. */
  timeoutMs: number;
  /** Statuses besides success that the caller handles. */
  acceptedStatuses?: readonly number[];
  /**
   * Streams the body of a successful response, whose `text` is then empty. There is no limit on the total time, but
   * undici aborts a stalled response. A UserError that it throws is passed on.
   */
  onBody?: (body: Readable) => Promise<void>;
}

export interface RayResponse {
  status: number;
  text: string;
}

/** Longer responses are truncated in messages. */
const MAX_MESSAGE_LENGTH = 200;

/**
 * Sends a request for `path`, which begins with a slash. Throws UserError `cluster-token`, `cluster-address` (on a
 * redirect), `cluster-limit` (too large), `cluster-unknown` (no such route), `cluster-failed`, `cluster-down`, and the
 * abort reason of `signal`.
 */
export async function sendRequest(cluster: Cluster, path: string, request: RayRequest): Promise<RayResponse> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), request.timeoutMs);
  try {
    const received = await send(cluster, path, request, timeout.signal, () => clearTimeout(timer));
    return checkResponse(cluster, received, request.acceptedStatuses ?? []);
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason;
    if (timeout.signal.aborted) throw timeoutError(cluster, request.timeoutMs);
    throw error instanceof UserError ? error : unreachable(cluster, error);
  } finally {
    clearTimeout(timer);
  }
}

type RawResponse = RayResponse & { location: string | undefined };

async function send(
  cluster: Cluster,
  path: string,
  { method = 'GET', body, signal, onBody }: RayRequest,
  timeout: AbortSignal,
  onResponse: () => void,
): Promise<RawResponse> {
  const { request } = await import('../../platform/network/undici.ts');
  const url = cluster.address.url + path;
  const {
    statusCode,
    headers,
    body: responseBody,
  } = await request(url, {
    method,
    headers: {
      ...headersFor(cluster),
      ...(body && {
        'content-type': Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json',
      }),
    },
    ...(body && { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    ...(await dispatcherOptions(cluster)),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const received = { status: statusCode, location: headers['location']?.toString() };
  if (!onBody || statusCode !== 200) return { ...received, text: await responseBody.text() };
  onResponse();
  await onBody(responseBody);
  return { ...received, text: '' };
}

/** Requests to this machine don't go through a proxy. */
async function dispatcherOptions({ address }: Cluster): Promise<{ dispatcher?: Dispatcher }> {
  const dispatcher = address.here ? undefined : await dispatcherTo(address.url);
  return dispatcher ? { dispatcher } : {};
}

/** Validated here, because Node's error for an invalid header contains the token. */
export function headersFor({ address: { host }, token }: Cluster): Record<string, string> {
  const given = token?.trim();
  if (!given) return {};
  if (/^[\x21-\x7e]+$/.test(given)) return { authorization: `Bearer ${given}` };
  throw new UserError(
    'cluster-token',
    msg`The token for the cluster at ${host} contains characters that are not allowed in a token.`,
    msg`Put the cluster's token into RAY_AUTH_TOKEN.`,
  );
}

function checkResponse(
  cluster: Cluster,
  { status, text, location }: RawResponse,
  acceptedStatuses: readonly number[],
): RayResponse {
  if ((status >= 200 && status < 300) || acceptedStatuses.includes(status)) return { status, text };
  const { host } = cluster.address;
  const to = location ?? 'another address';
  if (status >= 300 && status < 400)
    throw new UserError(
      'cluster-address',
      msg`The cluster at ${host} sends requests on to ${to}, and your code's tokens go only where you said.`,
      msg`Give that address if you trust it.`,
    );
  if (status === 401 || status === 403) throw tokenError(cluster);
  if (status === 413)
    throw new UserError(
      'cluster-limit',
      msg`The cluster at ${host} does not accept a package of this size.`,
      msg`Learn from fewer files or with --tokens, so that the corpus is smaller.`,
    );
  if (status === 404 || status === 405)
    throw new UserError(
      'cluster-unknown',
      msg`What answers at ${host} is not the dashboard of a Ray cluster (HTTP ${status}).`,
      msg`Check the address; the dashboard usually has port 8265.`,
    );
  const why = lastLine(cluster, text) ?? `HTTP ${status}`;
  throw new UserError(
    'cluster-failed',
    msg`The cluster at ${host} failed: ${why}.`,
    msg`Try again later, or look at the logs in the cluster's dashboard.`,
  );
}

const tokenError = ({ address: { host }, token }: Cluster) =>
  new UserError(
    'cluster-token',
    token?.trim()
      ? msg`The cluster at ${host} rejects the token.`
      : msg`The cluster at ${host} requires a token.`,
    msg`Put the cluster's token into RAY_AUTH_TOKEN; \`ray get-auth-token\` prints it where the cluster was started.`,
  );

/** The last line of a response, which in a Python traceback is the error; undefined if it is empty. */
export function lastLine({ token }: Pick<Cluster, 'token'>, text: string): string | undefined {
  const last = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .at(-1)
    ?.replace(/\s+/g, ' ')
    .replace(/\.$/, '');
  // The message is logged, and a server may echo the token.
  const redacted = token?.trim() ? last?.replaceAll(token.trim(), '…') : last;
  return redacted && redacted.length > MAX_MESSAGE_LENGTH
    ? `${redacted.slice(0, MAX_MESSAGE_LENGTH)}…`
    : redacted;
}

const TLS_ERROR = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME|^EPROTO|^ERR_SSL_/;

function unreachable({ address: { host } }: Cluster, error: unknown): UserError {
  const { code } = error as NodeJS.ErrnoException;
  const why = code ?? causeOf(error);
  return new UserError(
    'cluster-down',
    msg`The cluster at ${host} can't be reached (${why}).`,
    TLS_ERROR.test(why)
      ? msg`Let this machine trust its certificate (NODE_EXTRA_CA_CERTS names a file of certificates), and check whether its address begins with https or with http.`
      : msg`Check that it runs, that a tunnel to it is open, and its address.`,
    { cause: error },
  );
}

function timeoutError({ address: { host } }: Cluster, timeoutMs: number): UserError {
  const seconds = Math.round(timeoutMs / 1000);
  return new UserError(
    'cluster-down',
    msg`The cluster at ${host} did not answer within ${seconds} s.`,
    msg`It may be starting or be busy: try again.`,
  );
}
