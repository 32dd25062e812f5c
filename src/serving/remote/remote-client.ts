/** Completes with a remote server: vLLM, llama.cpp's server, Ollama, Mistral, our own, or another with OpenAI's API. */
import type { RawAnswer } from '../../completion/index.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { CompletionRequest } from '../../protocol/server.ts';
import type { CompletionClient } from '../client/completion-client.ts';
import type { OnPiece } from '../client/read-stream.ts';
import { probe, type ServerInfo } from './probe.ts';
import {
  askRemote,
  modelMissing,
  notOpenAi,
  Refusal,
  tooSlow,
  unreachable,
  type Remote,
} from './remote-http.ts';
import { toRemoteRequest } from './remote-request.ts';
import { readRemote } from './remote-stream.ts';

/** Until an answer starts, and from each piece to the next. */
const ANSWER_MS = 30_000;
/** After a failed start, requests fail at once for this long: typing must not contact a dead server at each key. */
const RETRY_MS = 10_000;

export interface RemoteClientOptions extends Remote {
  /** Name of the model; "": the server's only one. */
  model: string;
  /** Called whenever the server was probed. */
  onServerInfo?: (info: ServerInfo) => void;
  /** For tests. */
  answerMs?: number;
  retryMs?: number;
}

export class RemoteClient implements CompletionClient {
  private serverInfo: Promise<ServerInfo> | undefined;
  private failed: { error: unknown; until: number } | undefined;
  private readonly ended = new AbortController();

  constructor(private readonly options: RemoteClientOptions) {}

  /**
   * Probes the server, once. Throws UserError with a code that begins with `endpoint-`, like all requests: the address
   * (-address), the server (-down, -slow, -certificate, -unknown, -failed), -token or -model.
   */
  start(): Promise<ServerInfo> {
    if (this.failed && performance.now() < this.failed.until)
      return Promise.reject(this.failed.error as Error);
    this.serverInfo ??= this.ask();
    return this.serverInfo;
  }

  private async ask(): Promise<ServerInfo> {
    try {
      const info = await probe(this.options, this.options.model, this.ended.signal);
      this.failed = undefined;
      this.options.onServerInfo?.(info);
      return info;
    } catch (error) {
      this.forget(error);
      throw error;
    }
  }

  /** The next request after a pause probes the server again. */
  private forget(error: unknown): void {
    this.serverInfo = undefined;
    this.failed = { error, until: performance.now() + (this.options.retryMs ?? RETRY_MS) };
  }

  async fillInTheMiddle(): Promise<boolean> {
    const { fill } = await this.start();
    return fill.by === 'own' ? fill.middle : fill.by !== 'none';
  }

  async stream(request: CompletionRequest, onText: OnPiece, signal?: AbortSignal): Promise<RawAnswer> {
    const { endpoint } = this.options;
    const info = await this.start();
    signal?.throwIfAborted();
    const timeout = new AbortController();
    const within = this.options.answerMs ?? ANSWER_MS;
    const timer = setTimeout(() => timeout.abort(tooSlow(endpoint, within)), within);
    const stop = AbortSignal.any([...(signal ? [signal] : []), timeout.signal, this.ended.signal]);
    try {
      const { path, body } = toRemoteRequest(request, info);
      const url = (info.fill.by === 'infill' ? endpoint.root : endpoint.api) + path;
      const answer = await askRemote(this.options, url, { body, signal: stop, timeoutMs: within });
      return await readRemote(endpoint, answer, onText, () => void timer.refresh());
    } catch (error) {
      if (signal?.aborted || this.ended.signal.aborted) throw error;
      const failure = this.failure(timeout.signal.aborted ? timeout.signal.reason : error, info);
      // An answer that isn't understood may never end.
      timeout.abort(failure);
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Converts a failed request into an error; the server may have changed, so it is probed again. */
  private failure(error: unknown, { model, models }: ServerInfo): UserError {
    const { endpoint } = this.options;
    if (error instanceof Refusal && error.status !== 404 && !error.isAboutModel)
      return requestRefused(endpoint.host, error.serverMessage);
    const userError =
      error instanceof Refusal
        ? error.isAboutModel
          ? modelMissing(
              endpoint,
              model,
              models.filter((name) => name !== model),
            )
          : notOpenAi(endpoint, `it answers "${error.serverMessage}"`)
        : unreachable(endpoint, error);
    if (userError.code !== 'endpoint-failed' && userError.code !== 'endpoint-slow') this.forget(userError);
    return userError;
  }

  dispose(): Promise<void> {
    this.ended.abort(
      new UserError('cancelled', msg`The completion server is no longer used.`, msg`Ask again.`),
    );
    return Promise.resolve();
  }
}

/** For example, for a prompt longer than the context. */
const requestRefused = (host: string, said: string) =>
  new UserError(
    'endpoint-failed',
    msg`The completion server at ${host} rejects the request: ${said}.`,
    msg`Look at its log.`,
  );
