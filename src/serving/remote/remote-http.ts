/** Requests to a remote server. Every failure becomes a UserError: one sentence, and what to do. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import type { Endpoint } from './address.ts';

export interface Remote {
  endpoint: Endpoint;
  /** Read for each request and never stored. */
  token?: (() => Promise<string | undefined>) | undefined;
  /** How this machine reaches the network. Default: Node's fetch. */
  fetch?: typeof fetch | undefined;
}

export interface RequestOptions {
  /** Sent as JSON by POST; without it, the request is a GET. */
  body?: object;
  signal?: AbortSignal | undefined;
  /** Milliseconds until the answer has to start. */
  timeoutMs: number;
}

/** An error response whose status is meaningful to the caller. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly serverMessage: string,
  ) {
    super(serverMessage);
  }

  /** Whether the server lacks the model: 404, or 400 from Mistral. */
  get isAboutModel(): boolean {
    return this.status === 404
      ? /model/i.test(this.serverMessage)
      : /invalid model/i.test(this.serverMessage);
  }
}

/** FastAPI's rejected fields: only where and why, not the value sent. */
const fieldsSchema = z
  .array(z.object({ msg: z.string(), loc: z.array(z.union([z.string(), z.number()])).optional() }))
  .min(1)
  .transform((fields) => fields.map(({ msg, loc }) => (loc ? `${loc.join('.')}: ${msg}` : msg)).join('; '));
/** Error bodies: OpenAI's, vLLM's older one, FastAPI's, Ollama's, Mistral's. */
const errorSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.union([z.string(), fieldsSchema]) }).transform(({ detail }) => detail),
  z.object({ message: z.object({ detail: fieldsSchema }) }).transform(({ message }) => message.detail),
]);
/** Longer texts are truncated in messages. */
const MAX_MESSAGE_CHARACTERS = 200;

/**
 * The message in an error's body, on one line and without the token; undefined if there is none. It goes into the log,
 * and a server may echo the token.
 */
function errorMessageIn(body: unknown, token: string | undefined): string | undefined {
  // Before truncating, because even half of the token is too much.
  const serverMessage = withoutToken(errorSchema.safeParse(body).data, token)?.replace(/\s+/g, ' ').trim();
  return serverMessage && serverMessage.length > MAX_MESSAGE_CHARACTERS
    ? `${serverMessage.slice(0, MAX_MESSAGE_CHARACTERS)}…`
    : serverMessage;
}

const withoutToken = <T extends string | undefined>(text: T, token: string | undefined) =>
  token ? text?.replaceAll(token, '…') : text;

/** A response with a success status. */
export interface AcceptedResponse {
  response: Response;
  /** The message in an error's body, which may occur in a stream; undefined if there is none. Without the token. */
  errorMessageIn(body: unknown): string | undefined;
}

/**
 * The response, if its status is a success. Throws Refusal for an error of this particular request, UserError
 * `endpoint-token`, `endpoint-address` (a redirect), `endpoint-failed` (429, 5xx), `endpoint-down`, `endpoint-slow`,
 * `endpoint-certificate`, and the abort reason of `signal`.
 */
export const askRemote = (remote: Remote, url: string, options: RequestOptions): Promise<AcceptedResponse> =>
  withTimeout(remote.endpoint, options, (signal) => sendAccepted(remote, url, options.body, signal));

/** The same, with the whole body read as JSON within the time limit; undefined if it isn't JSON. */
export const askJson = (remote: Remote, url: string, options: RequestOptions): Promise<unknown> =>
  withTimeout(remote.endpoint, options, async (signal) =>
    tryParseJson(await (await sendAccepted(remote, url, options.body, signal)).response.text()),
  );

async function withTimeout<T>(
  endpoint: Endpoint,
  { timeoutMs, signal: callerSignal }: RequestOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(tooSlow(endpoint, timeoutMs)), timeoutMs);
  try {
    return await work(callerSignal ? AbortSignal.any([callerSignal, timeout.signal]) : timeout.signal);
  } catch (error) {
    if (callerSignal?.aborted) throw error;
    if (timeout.signal.aborted) throw timeout.signal.reason;
    throw error instanceof Refusal ? error : unreachable(endpoint, error);
  } finally {
    clearTimeout(timer);
  }
}

async function sendAccepted(
  remote: Remote,
  url: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<AcceptedResponse> {
  const token = await tokenOf(remote);
  const response = await send(remote, url, { body, token, signal });
  if (response.ok) return { response, errorMessageIn: (body) => errorMessageIn(body, token) };
  const serverMessage = errorMessageIn(tryParseJson(await response.text()), token);
  const to = withoutToken(response.headers.get('location') ?? undefined, token);
  throw statusError(remote.endpoint, response.status, { said: serverMessage, to });
}

/** Checked here, because the error of `fetch` for an invalid header contains the token. */
async function tokenOf({ endpoint: { host }, token }: Remote): Promise<string | undefined> {
  const trimmed = (await token?.())?.trim();
  if (!trimmed || /^[\x20-\x7e]+$/.test(trimmed)) return trimmed;
  throw new UserError(
    'endpoint-token',
    msg`The token of the completion server at ${host} contains characters that are not allowed in a token.`,
    msg`Set the token with {endpoint-token}.`,
  );
}

/** Undefined if it isn't JSON. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(
  remote: Remote,
  url: string,
  { body, token, signal }: { body: object | undefined; token: string | undefined; signal: AbortSignal },
): Promise<Response> {
  return (remote.fetch ?? fetch)(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      accept: 'application/json, text/event-stream',
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    // Code goes only to the address that the user gave.
    redirect: 'manual',
    signal,
  });
}

function statusError(
  { host }: Endpoint,
  status: number,
  { said, to = 'another address' }: { said: string | undefined; to: string | undefined },
): Error {
  if (status >= 300 && status < 400)
    return new UserError(
      'endpoint-address',
      msg`The completion server at ${host} sends requests on to ${to}, and code goes only where you said.`,
      msg`Set the address to that one if you trust it.`,
    );
  if (status === 401 || status === 403)
    return new UserError(
      'endpoint-token',
      msg`The completion server at ${host} rejects the token, or requires one.`,
      msg`Set the token with {endpoint-token}.`,
    );
  if (status === 429 || status >= 500)
    return new UserError(
      'endpoint-failed',
      msg`The completion server at ${host} failed: ${said ?? `HTTP ${status}`}.`,
      msg`Try again later, or look at its log.`,
      { cause: new Refusal(status, said ?? `HTTP ${status}`) },
    );
  return new Refusal(status, said ?? `HTTP ${status}`);
}

/** Whether the failure is temporary: too many requests, or a model that is being loaded. */
export const isBusy = ({ cause }: UserError): boolean =>
  cause instanceof Refusal && (cause.status === 429 || cause.status === 503);

/** TLS error codes for an untrusted certificate. */
const CERTIFICATE_ERROR = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;
/** Only one side uses TLS. */
const TLS_ERROR = /^(EPROTO|ERR_SSL_)/;

/** Converts failures below HTTP. */
export function unreachable({ host }: Endpoint, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const why = deepestCause(error);
  if (CERTIFICATE_ERROR.test(why))
    return new UserError(
      'endpoint-certificate',
      msg`The certificate of the completion server at ${host} is not trusted here (${why}).`,
      msg`Let this machine trust it (NODE_EXTRA_CA_CERTS names a file of certificates), or give the server one that is.`,
      { cause: error },
    );
  if (TLS_ERROR.test(why))
    return new UserError(
      'endpoint-unknown',
      msg`The completion server at ${host} does not speak HTTPS (${why}).`,
      msg`Check whether its address begins with https or with http.`,
      { cause: error },
    );
  return new UserError(
    'endpoint-down',
    msg`The completion server at ${host} can't be reached (${why}).`,
    msg`Check that it runs, and its address.`,
    { cause: error },
  );
}

/** The code of the deepest cause, such as ECONNREFUSED, or its message. */
function deepestCause(error: unknown): string {
  const { message, cause, code } = error as Error & { code?: unknown };
  // An AggregateError of several addresses has a code, but no message.
  if (cause instanceof Error) return deepestCause(cause);
  return typeof code === 'string' ? code : message;
}

export const tooSlow = ({ host }: Endpoint, within: number) =>
  new UserError(
    'endpoint-slow',
    msg`The completion server at ${host} did not answer within ${within / 1000} s.`,
    msg`It may be loading the model or be busy: try again, or use a smaller model.`,
  );

/** The server answered, but not as expected. */
export const notOpenAi = ({ host }: Endpoint, what: string) =>
  new UserError(
    'endpoint-unknown',
    msg`What answers at ${host} is not an OpenAI-compatible server: ${what}.`,
    msg`Check the address; it usually ends with /v1.`,
  );

/** @param models the server's models */
export const modelMissing = ({ host }: Endpoint, model: string, models: readonly string[]) =>
  new UserError(
    'endpoint-model',
    models.length > 0
      ? msg`The completion server at ${host} has no model "${model}"; it has ${abbreviateNames(models)}.`
      : msg`The completion server at ${host} has no model "${model}".`,
    msg`Choose another one with {endpoint-model}.`,
  );

/** A public API has a hundred. */
const MAX_LISTED = 5;

/** The first names. */
export function abbreviateNames(models: readonly string[]): Text {
  const more = models.length - MAX_LISTED;
  // One more name is no longer than saying so.
  if (more <= 1) return models.join(', ');
  const first = models.slice(0, MAX_LISTED).join(', ');
  return msg`${first} and ${more} more models`;
}
