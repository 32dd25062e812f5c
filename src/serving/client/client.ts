/**
 * Client of the completion server, for the extension: it contains no model, only a process and connections. All
 * windows of a user share one server per base and settings. The first window that needs it starts it, as a detached
 * process; it ends when no window holds it any more. After a crash, the next request starts it again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { msg, UserError } from '../../text/errors.ts';
import type { NodeCommand } from '../../platform/processes/node.ts';
import {
  completionResponseSchema,
  tokenizedSchema,
  type ChatRequest,
  type CompletionRequest,
  type CompletionResponse,
  type ServerReady,
} from '../../protocol/server.ts';
import { takeLock } from '../../runs/lock.ts';
import type { CompletionClient } from './completion-client.ts';
import { announcementPath, openServersDir, readAnnouncement } from './announcement.ts';
import { launchServer } from './launch-server.ts';
import { holdServer, type Lease } from './lease.ts';
import { errorBodySchema, readStream, refusalOf, type OnPiece } from './read-stream.ts';

/** Wait before the next start after the first, second, ... crash in a row. */
const BACK_OFF_MS = [0, 500, 2_000, 10_000, 60_000];

/** How often to look for the server while another window starts it. */
const LOOK_MS = 100;
/** Time after a broken answer to wait for the server's death to be noticed. */
const NOTICE_MS = 1000;

export interface ServingClientOptions {
  /** From `findNode` in platform/processes/node.ts. */
  node: () => NodeCommand | Promise<NodeCommand>;
  /** Path of dist/server.mjs. */
  script: string;
  base: string;
  adapters?: { name: string; path: string }[];
  /** Whole models (full fine-tunes). */
  models?: { name: string; path: string }[];
  /** More arguments for the server, such as `--context 4096`. */
  args?: string[];
  /** What a server was started beside, if that decides how it computes: with another, another server is started. */
  beside?: string;
  /** Minutes without a request after which the server ends by itself; the next request starts it again. */
  idleMinutes?: number;
  log?: (line: string) => void;
  /** Called for each started process. */
  onStart?: (pid: number) => void;
  /** Called each time that a server is found or started. */
  onReady?: (ready: ServerReady) => void;
}

interface Asking {
  /** The model that is asked for. */
  model?: string | undefined;
  signal?: AbortSignal | undefined;
  repeats?: () => boolean;
}

export class ServingClient implements CompletionClient {
  private server: Promise<Lease> | undefined;
  private crashes = 0;
  private readonly ended = new AbortController();

  /** Paths by name. */
  private readonly adapters: Map<string, string>;
  /** Names of those that the server does not have, or did not take; each is offered when it is asked for. */
  private readonly missing = new Set<string>();
  /** By name and path, while they are on their way: a key press asks for what the one before has asked for. */
  private readonly offering = new Map<string, Promise<void>>();

  constructor(private readonly options: ServingClientOptions) {
    this.adapters = new Map((options.adapters ?? []).map(({ name, path }) => [name, path]));
  }

  /** Starts the server unless it is running; resolves once it answers. Throws UserError: the server's own, if any. */
  async start(): Promise<ServerReady> {
    return (await this.running()).ready;
  }

  private running(): Promise<Lease> {
    if (this.disposed) return Promise.reject(shutDown());
    this.server ??= this.hold();
    return this.server;
  }

  /** Whether a server runs or is being started. */
  get isHeld(): boolean {
    return this.server !== undefined;
  }

  private get disposed(): boolean {
    return this.ended.signal.aborted;
  }

  /** Whether the base has fill-in-the-middle tokens; starts the server to find out. */
  async fillInTheMiddle(): Promise<boolean> {
    return (await this.start()).fillInTheMiddle;
  }

  /**
   * Sends one request. Aborting `signal` closes the connection, and the server stops computing. If the server dies
   * during the request, it is started again and the request is repeated once. Throws UserError `unauthorized`,
   * `bad-request`, or `crashed` if the server died again, and like start.
   */
  async complete(request: CompletionRequest, signal?: AbortSignal): Promise<CompletionResponse> {
    const ask = async (server: Lease) => {
      const response = await this.post(server, '/v1/completions', request, signal);
      return completionResponseSchema.parse(await response.json());
    };
    return this.repeated(ask, { model: request.model, signal });
  }

  /**
   * Like `complete`, for one choice: calls `onText` with each piece as it is generated, and returns the whole text. The
   * request is not repeated after the first piece.
   */
  async stream(request: CompletionRequest, onText: OnPiece, signal?: AbortSignal): Promise<string> {
    return this.streamed('/v1/completions', request, onText, signal);
  }

  /**
   * Streams the answer of a chat, like `stream`. Throws UserError `chat-too-long` if the chat leaves no room for it.
   */
  async chat(request: ChatRequest, onText: OnPiece, signal?: AbortSignal): Promise<string> {
    return this.streamed('/v1/chat/completions', request, onText, signal);
  }

  /** Number of the base's tokens in a text. */
  async countTokens(content: string, signal?: AbortSignal): Promise<number> {
    const ask = async (server: Lease) => {
      const response = await this.post(server, '/tokenize', { content }, signal);
      return tokenizedSchema.parse(await response.json()).tokens.length;
    };
    return this.repeated(ask, { signal });
  }

  private async streamed(
    route: string,
    request: CompletionRequest | ChatRequest,
    onText: OnPiece,
    signal?: AbortSignal,
  ): Promise<string> {
    let begun = false;
    const ask = async (server: Lease) => {
      const body = { ...request, stream: true };
      return readStream(await this.post(server, route, body, signal), (piece, confidence) => {
        begun = true;
        onText(piece, confidence);
      });
    };
    return this.repeated(ask, { model: request.model, signal, repeats: () => !begun });
  }

  /** Calls `ask` with the server; once more with the next one if the server dies and `repeats` allows it. */
  private async repeated<T>(
    ask: (server: Lease) => Promise<T>,
    { model, signal, repeats = () => true }: Asking,
  ): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const server = await this.running();
      try {
        if (model !== undefined && this.missing.has(model)) await this.offer(server, model);
        return await ask(server);
      } catch (error) {
        if (error instanceof UserError || signal?.aborted) throw error;
        this.options.log?.(`completion server did not answer: ${(error as Error).message}`);
        if (tries > 1 || !repeats() || this.disposed) throw endedBefore(error);
        await this.leave(server);
      }
    }
  }

  /** Adds adapters that are offered when they are first asked for. Each replaces one of the same name. */
  knows(adapters: readonly { name: string; path: string }[]): void {
    for (const { name, path } of adapters) {
      if (this.adapters.get(name) === path) continue;
      this.adapters.set(name, path);
      this.missing.add(name);
    }
  }

  /**
   * Offers one more adapter, at once if the server is running, and to every server that starts later. Replaces one of
   * the same name. Throws UserError `bad-request` if the server refuses it.
   */
  async addAdapter(adapter: { name: string; path: string }): Promise<void> {
    const { name, path } = adapter;
    if (this.adapters.get(name) === path && !this.missing.has(name)) return;
    const server = await this.server;
    if (server) await this.offer(server, name, path);
    this.adapters.set(name, path);
  }

  private offer(server: Lease, name: string, path = this.adapters.get(name)): Promise<void> {
    const key = `${name}\n${path}`;
    const known = this.offering.get(key);
    if (known) return known;
    const body = { lora_name: name, lora_path: path, load_inplace: true };
    const offered = this.post(server, '/v1/load_lora_adapter', body)
      .then(() => void this.missing.delete(name))
      .finally(() => this.offering.delete(key));
    this.offering.set(key, offered);
    return offered;
  }

  /** What this client has, to a server that it has just found or started. */
  private async offerAll(server: Lease): Promise<void> {
    this.missing.clear();
    for (const name of this.adapters.keys()) {
      if (server.ready.models.includes(name)) continue;
      try {
        await this.offer(server, name);
      } catch (error) {
        // One that is damaged or gone must not take completion from all other models of the base.
        if (!(error instanceof UserError)) throw error;
        this.missing.add(name);
        this.options.log?.(`the adapter "${name}" is not served: ${error.message}`);
      }
    }
  }

  private async post(
    { ready, token }: Lease,
    route: string,
    body: object,
    signal?: AbortSignal,
  ): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${ready.port}${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
    if (response.ok) return response;
    const failure = errorBodySchema.safeParse(await response.json());
    if (failure.success && response.status !== 401) throw refusalOf(failure.data);
    throw new UserError(
      response.status === 401 ? 'unauthorized' : 'bad-request',
      failure.success ? failure.data.error.message : msg`The completion server answered ${response.status}.`,
      msg`See the log.`,
    );
  }

  /** The running server, or a newly started one, with all adapters of this client. */
  private async hold(): Promise<Lease> {
    const wait = BACK_OFF_MS[Math.min(this.crashes, BACK_OFF_MS.length - 1)] ?? 0;
    let server: Lease | undefined;
    try {
      if (wait > 0) await sleep(wait, undefined, { signal: this.ended.signal }).catch(() => undefined);
      const { base, script, beside } = this.options;
      const file = await announcementPath(base, [script, this.args(), ...(beside ? [beside] : [])]);
      server = await this.findOrStart(file);
      if (this.disposed) throw shutDown();
      this.watch(server);
      this.options.onReady?.(server.ready);
      await this.offerAll(server);
      return server;
    } catch (error) {
      server?.release();
      this.server = undefined;
      this.crashes += 1;
      throw error;
    }
  }

  /** If several windows look at the same time, one starts the server and the others find it. */
  private async findOrStart(file: string): Promise<Lease> {
    await openServersDir();
    const busy = new Error('Another window is starting the server.');
    for (;;) {
      if (this.disposed) throw shutDown();
      const found = await find(file);
      if (found) return found;
      const lock = await takeLock(`${file}.lock`, () => busy).catch((error: unknown) => {
        if (error !== busy) throw error;
        return undefined;
      });
      if (lock)
        try {
          return (await find(file)) ?? (await this.launch(file));
        } finally {
          await lock.release();
        }
      await sleep(LOOK_MS, undefined, { signal: this.ended.signal }).catch(() => undefined);
    }
  }

  private async launch(file: string): Promise<Lease> {
    const { base, script, log, onStart } = this.options;
    const node = await this.options.node();
    if (this.disposed) throw shutDown();
    const token = randomBytes(32).toString('base64url');
    await launchServer({
      command: node.command,
      args: [script, '--base', base, '--announce', file, ...this.args()],
      env: { ...node.env, FORGET_ME_NOT_TOKEN: token },
      output: file.replace(/json$/, 'log'),
      ...(log ? { log } : {}),
      ...(onStart ? { onStart } : {}),
    });
    const server = await find(file);
    if (server) return server;
    throw new UserError(
      'internal',
      msg`The completion server ended as soon as it was ready.`,
      msg`See the log.`,
    );
  }

  /** Arguments that identify this client's kind of server; adapters are added later. */
  private args(): string[] {
    const { models = [], args = [], idleMinutes } = this.options;
    return [
      ...models.flatMap(({ name, path }) => ['--model', `${name}=${path}`]),
      ...(idleMinutes ? ['--idle-minutes', String(idleMinutes)] : []),
      ...args,
    ];
  }

  /** Forgets a server that ends; only after a crash does the next start wait. */
  private watch(server: Lease): void {
    const steady = setTimeout(() => (this.crashes = 0), 30_000);
    steady.unref();
    const held = this.server;
    void server.ended.then((byItself) => {
      clearTimeout(steady);
      if (this.server === held) this.server = undefined;
      if (!byItself) this.crashes += 1;
      if (!this.disposed) this.options.log?.(`the completion server ${byItself ? 'ended' : 'died'}`);
    });
  }

  /** Waits until a server that did not answer has ended. If it hangs, it is released and left to other windows. */
  private async leave(server: Lease): Promise<void> {
    await Promise.race([server.ended, sleep(NOTICE_MS, undefined, { ref: false })]);
    server.release();
    await server.ended;
  }

  /** Releases the server, which ends soon if nobody else uses it. The client can't be used afterwards. */
  async dispose(): Promise<void> {
    this.ended.abort();
    const server = await this.server?.catch(() => undefined);
    this.server = undefined;
    server?.release();
  }
}

/** Holds the announced server; undefined if there is none. */
async function find(file: string): Promise<Lease | undefined> {
  const announced = await readAnnouncement(file);
  return announced && holdServer(announced);
}

const endedBefore = (cause: unknown) =>
  new UserError(
    'crashed',
    msg`The completion server ended before the answer was complete.`,
    msg`Ask again.`,
    {
      cause,
    },
  );

const shutDown = () =>
  new UserError('internal', msg`The completion server was shut down.`, msg`Turn completion on again.`);
