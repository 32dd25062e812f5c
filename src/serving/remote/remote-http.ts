/** Requests to a server elsewhere. Whatever goes wrong becomes a UserError: one sentence, and what to do. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import type { Endpoint } from './address.ts';

export interface Remote {
  endpoint: Endpoint;
  /** Read at each request and never kept. */
  token?: (() => Promise<string | undefined>) | undefined;
  /** As this machine reaches the network. Default: Node's. */
  fetch?: typeof fetch | undefined;
}

export interface Ask {
  /** Sent as JSON by POST; without it, the request is a GET. */
  body?: object;
  signal?: AbortSignal | undefined;
  /** Milliseconds until the answer has to begin. */
  within: number;
}

/** An answer with an error's status that means something to the caller. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly said: string,
  ) {
    super(said);
  }

  /** It lacks the model: 404, or 400 of Mistral's. */
  get isAboutModel(): boolean {
    return this.status === 404 ? /model/i.test(this.said) : /invalid model/i.test(this.said);
  }
}

/** FastAPI's: fields that are refused. Of each only where it is and why, not what was sent. */
const fieldsSchema = z
  .array(z.object({ msg: z.string(), loc: z.array(z.union([z.string(), z.number()])).optional() }))
  .min(1)
  .transform((fields) => fields.map(({ msg, loc }) => (loc ? `${loc.join('.')}: ${msg}` : msg)).join('; '));
/** What servers say: OpenAI's form, vLLM's older one, FastAPI's, Ollama's own, Mistral's. */
const errorSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.union([z.string(), fieldsSchema]) }).transform(({ detail }) => detail),
  z.object({ message: z.object({ detail: fieldsSchema }) }).transform(({ message }) => message.detail),
]);
/** Longer answers are cut in messages. */
const LONGEST_SAID = 200;

/**
 * The sentence in an error's body, on one line and without the token; undefined if there is none. It gets into the log,
 * and a server may repeat what it was sent.
 */
function saidIn(body: unknown, token: string | undefined): string | undefined {
  // Before it is cut: a half of the token is too much.
  const said = withoutToken(errorSchema.safeParse(body).data, token)?.replace(/\s+/g, ' ').trim();
  return said && said.length > LONGEST_SAID ? `${said.slice(0, LONGEST_SAID)}…` : said;
}

const withoutToken = <T extends string | undefined>(text: T, token: string | undefined) =>
  token ? text?.replaceAll(token, '…') : text;

/** An answer with a status of success. */
export interface Accepted {
  response: Response;
  /** The sentence in an error's body, as a stream may have one; undefined if there is none. Without the token. */
  saidIn(body: unknown): string | undefined;
}

/**
 * The answer, if its status is one of success. Throws Refusal for another status that is not the same for every
 * request, UserError `endpoint-token`, `endpoint-address` (it sends requests on), `endpoint-failed` (429, 5xx),
 * `endpoint-down`, `endpoint-slow`, `endpoint-certificate`, and what `signal` was aborted with.
 */
export const askRemote = (remote: Remote, url: string, ask: Ask): Promise<Accepted> =>
  inTime(remote.endpoint, ask, (signal) => accepted(remote, url, ask.body, signal));

/** The same, with the whole answer read as JSON in that time; undefined if it is none. */
export const askJson = (remote: Remote, url: string, ask: Ask): Promise<unknown> =>
  inTime(remote.endpoint, ask, async (signal) =>
    jsonIn(await (await accepted(remote, url, ask.body, signal)).response.text()),
  );

async function inTime<T>(
  endpoint: Endpoint,
  { within, signal: asked }: Ask,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooSlow(endpoint, within)), within);
  try {
    return await work(asked ? AbortSignal.any([asked, late.signal]) : late.signal);
  } catch (error) {
    if (asked?.aborted) throw error;
    if (late.signal.aborted) throw late.signal.reason;
    throw error instanceof Refusal ? error : unreachable(endpoint, error);
  } finally {
    clearTimeout(timer);
  }
}

async function accepted(
  remote: Remote,
  url: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<Accepted> {
  const token = await tokenOf(remote);
  const response = await send(remote, url, { body, token, signal });
  if (response.ok) return { response, saidIn: (body) => saidIn(body, token) };
  const said = saidIn(jsonIn(await response.text()), token);
  const to = withoutToken(response.headers.get('location') ?? undefined, token);
  throw failureOf(remote.endpoint, response.status, { said, to });
}

/** Checked here, because what `fetch` says of a header that it can't send has the token in it. */
async function tokenOf({ endpoint: { host }, token }: Remote): Promise<string | undefined> {
  const given = (await token?.())?.trim();
  if (!given || /^[\x20-\x7e]+$/.test(given)) return given;
  throw new UserError(
    'endpoint-token',
    msg`The token of the completion server at ${host} has characters in it that no token has.`,
    msg`Set the token with {endpoint-token}.`,
  );
}

/** undefined if it is no JSON. */
export function jsonIn(text: string): unknown {
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
    // Code goes only where the person said.
    redirect: 'manual',
    signal,
  });
}

function failureOf(
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
      msg`The completion server at ${host} refuses the token, or wants one.`,
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

/** Whether it failed in a way that says nothing of what it can do: too many requests, or a model that is being loaded. */
export const isBusy = ({ cause }: UserError): boolean =>
  cause instanceof Refusal && (cause.status === 429 || cause.status === 503);

/** Codes of TLS by which a certificate is not accepted. */
const OF_CERTIFICATES = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;
/** The other side speaks no TLS, or only TLS. */
const OF_TLS = /^(EPROTO|ERR_SSL_)/;

/** What goes wrong below HTTP. */
export function unreachable({ host }: Endpoint, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const why = causeOf(error);
  if (OF_CERTIFICATES.test(why))
    return new UserError(
      'endpoint-certificate',
      msg`The certificate of the completion server at ${host} is not trusted here (${why}).`,
      msg`Let this machine trust it (NODE_EXTRA_CA_CERTS names a file of certificates), or give the server one that is.`,
      { cause: error },
    );
  if (OF_TLS.test(why))
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

/** The code of the deepest cause, such as ECONNREFUSED, or its words. */
function causeOf(error: unknown): string {
  const { message, cause, code } = error as Error & { code?: unknown };
  // An AggregateError of several addresses has a code, but no words.
  if (cause instanceof Error) return causeOf(cause);
  return typeof code === 'string' ? code : message;
}

export const tooSlow = ({ host }: Endpoint, within: number) =>
  new UserError(
    'endpoint-slow',
    msg`The completion server at ${host} did not answer within ${within / 1000} s.`,
    msg`It may be loading the model or be busy: try again, or use a smaller model.`,
  );

/** It answered, but not as expected. */
export const notOpenAi = ({ host }: Endpoint, what: string) =>
  new UserError(
    'endpoint-unknown',
    msg`What answers at ${host} is no OpenAI-compatible server: ${what}.`,
    msg`Check the address; it usually ends with /v1.`,
  );

/** @param models those that it has */
export const noModel = ({ host }: Endpoint, model: string, models: readonly string[]) =>
  new UserError(
    'endpoint-model',
    models.length > 0
      ? msg`The completion server at ${host} has no model "${model}"; it has ${namesOfSome(models)}.`
      : msg`The completion server at ${host} has no model "${model}".`,
    msg`Choose another one with {endpoint-model}.`,
  );

/** An API for everybody has a hundred. */
const MOST_LISTED = 5;

/** The first names. */
export function namesOfSome(models: readonly string[]): Text {
  const more = models.length - MOST_LISTED;
  // One more is no longer than to say so.
  if (more <= 1) return models.join(', ');
  const first = models.slice(0, MOST_LISTED).join(', ');
  return msg`${first} and ${more} more models`;
}
