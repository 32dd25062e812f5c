/** Completes with a server elsewhere: vLLM, llama.cpp's server, Ollama, Mistral, our own, or another that speaks OpenAI's API. */
import { msg, UserError } from '../../text/errors.ts';
import type { CompletionRequest } from '../../protocol/server.ts';
import type { CompletionClient } from '../client/completion-client.ts';
import type { OnPiece } from '../client/read-stream.ts';
import { probe, type Found } from './probe.ts';
import { askRemote, noModel, notOpenAi, Refusal, tooSlow, unreachable, type Remote } from './remote-http.ts';
import { toRemoteRequest } from './remote-request.ts';
import { readRemote } from './remote-stream.ts';

/** Until an answer begins, and from each piece to the next. */
const ANSWER_MS = 30_000;
/** After a failed start, requests fail at once for so long: typing must not ask a dead server at each key. */
const PAUSE_MS = 10_000;

export interface RemoteClientOptions extends Remote {
  /** Name of the model; "": the server's only one. */
  model: string;
  /** Called each time that the server was asked what it is. */
  onFound?: (found: Found) => void;
  /** For tests. */
  answerMs?: number;
  pauseMs?: number;
}

export class RemoteClient implements CompletionClient {
  private found: Promise<Found> | undefined;
  private failed: { error: unknown; until: number } | undefined;
  private readonly ended = new AbortController();

  constructor(private readonly options: RemoteClientOptions) {}

  /**
   * What the server is; asked once. Throws UserError with a code that begins with `endpoint-`, as all requests do: the
   * address (-address), the server (-down, -slow, -certificate, -unknown, -failed), -token or -model.
   */
  start(): Promise<Found> {
    if (this.failed && performance.now() < this.failed.until)
      return Promise.reject(this.failed.error as Error);
    this.found ??= this.ask();
    return this.found;
  }

  private async ask(): Promise<Found> {
    try {
      const found = await probe(this.options, this.options.model, this.ended.signal);
      this.failed = undefined;
      this.options.onFound?.(found);
      return found;
    } catch (error) {
      this.forget(error);
      throw error;
    }
  }

  /** The next request after a pause asks anew what the server is. */
  private forget(error: unknown): void {
    this.found = undefined;
    this.failed = { error, until: performance.now() + (this.options.pauseMs ?? PAUSE_MS) };
  }

  async fillInTheMiddle(): Promise<boolean> {
    const { fill } = await this.start();
    return fill.by === 'own' ? fill.middle : fill.by !== 'none';
  }

  /** One choice, because other servers give no more for all of their ways. */
  async complete(request: CompletionRequest, signal?: AbortSignal): Promise<{ choices: { text: string }[] }> {
    return { choices: [{ text: await this.stream(request, () => undefined, signal) }] };
  }

  async stream(request: CompletionRequest, onText: OnPiece, signal?: AbortSignal): Promise<string> {
    const { endpoint } = this.options;
    const found = await this.start();
    signal?.throwIfAborted();
    const over = new AbortController();
    const within = this.options.answerMs ?? ANSWER_MS;
    const timer = setTimeout(() => over.abort(tooSlow(endpoint, within)), within);
    const stop = AbortSignal.any([...(signal ? [signal] : []), over.signal, this.ended.signal]);
    try {
      const { path, body } = toRemoteRequest(request, found);
      const url = (found.fill.by === 'infill' ? endpoint.root : endpoint.api) + path;
      const answer = await askRemote(this.options, url, { body, signal: stop, within });
      return await readRemote(endpoint, answer, onText, () => void timer.refresh());
    } catch (error) {
      if (signal?.aborted || this.ended.signal.aborted) throw error;
      const failure = this.failure(over.signal.aborted ? over.signal.reason : error, found);
      // What is not understood may go on for ever.
      over.abort(failure);
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What went wrong with a request; the server may be another one now, so it is asked again. */
  private failure(error: unknown, { model, models }: Found): UserError {
    const { endpoint } = this.options;
    if (error instanceof Refusal && error.status !== 404 && !error.isAboutModel)
      return notTaken(endpoint.host, error.said);
    const said =
      error instanceof Refusal
        ? error.isAboutModel
          ? noModel(
              endpoint,
              model,
              models.filter((one) => one !== model),
            )
          : notOpenAi(endpoint, `it answers "${error.said}"`)
        : unreachable(endpoint, error);
    if (said.code !== 'endpoint-failed' && said.code !== 'endpoint-slow') this.forget(said);
    return said;
  }

  dispose(): Promise<void> {
    this.ended.abort(
      new UserError('cancelled', msg`The completion server is no longer used.`, msg`Ask again.`),
    );
    return Promise.resolve();
  }
}

/** Such as a prompt that is longer than its context. */
const notTaken = (host: string, said: string) =>
  new UserError(
    'endpoint-failed',
    msg`The completion server at ${host} refuses the request: ${said}.`,
    msg`Look at its log.`,
  );
