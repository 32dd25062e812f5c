/**
 * Client of the completion server, for the extension: manages a process and connections, but no model. All windows of a
 * user share one server per base and settings. The first window that needs it starts it as a detached process; it exits
 * when no window holds it any more. After a crash, the next request restarts it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawAnswer } from '../../completion/index.ts';
import { msg, UserError } from '../../text/errors.ts';
import { InProgress } from '../../platform/files/in-progress.ts';
import type { NodeCommand } from '../../platform/processes/node.ts';
import {
  tokenizedSchema,
  type ChatRequest,
  type CompletionRequest,
  type ServerReady,
} from '../../protocol/server.ts';
import { takeLock } from '../../runs/lock.ts';
import type { CompletionClient } from './completion-client.ts';
import { announcementPath, openServersDir, readAnnouncement } from './announcement.ts';
import { noteCrash } from '../host/gpu-guard.ts';
import { launchServer } from './launch-server.ts';
import { holdServer, type Lease } from './lease.ts';
import { errorBodySchema, readStream, toUserError, type OnPiece } from './read-stream.ts';

/** Delay before the next start after the first, second, ... consecutive crash. */
const BACK_OFF_MS = [0, 500, 2_000, 10_000, 60_000];

/** How often to look for the server while another window starts it. */
const POLL_MS = 100;
/** Looks for each try to start it ourselves: a try writes files, and starts `ps` on macOS. */
const POLLS_PER_TRY = 10;
/** Of servers on a GPU, the second that ends by itself within this time is blamed on the driver. */
const GPU_CRASHES_MS = 3600_000;
/** How long to wait for the exit of a server whose answer broke off. */
const EXIT_WAIT_MS = 1000;

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
  /**
   * Anything outside of the arguments that affects how the server computes: if it differs, another server is started.
   */
  environment?: string;
  /** Minutes without a request after which the server exits; the next request starts it again. */
  idleMinutes?: number;
  log?: (line: string) => void;
  /** Called whenever a server is found or started, or computes on another device. */
  onReady?: (ready: ServerReady) => void;
}

interface AskOptions {
  /** The requested model. */
  model?: string | undefined;
  signal?: AbortSignal | undefined;
  canRetry?: () => boolean;
}

export class ServingClient implements CompletionClient {
  private server: Promise<Lease> | undefined;
  private crashes = 0;
  /** When a server on a GPU last ended by itself. */
  private gpuCrashedAt = -Infinity;
  private readonly ended = new AbortController();

  /** Paths by name. */
  private readonly adapters: Map<string, string>;
  /** Names of adapters that the server doesn't have or has refused; they are loaded when requested. */
  private readonly unloaded = new Set<string>();
  /** Loads in progress, by name and path: consecutive key presses request the same adapter. */
  private readonly loading = new InProgress<void>();

  constructor(private readonly options: ServingClientOptions) {
    this.adapters = new Map((options.adapters ?? []).map(({ name, path }) => [name, path]));
  }

  /**
   * Starts the server unless it is running; resolves once it answers. Throws UserError, the server's own if there is
   * one.
   */
  async start(): Promise<ServerReady> {
    return (await this.ensureServer()).ready;
  }

  private ensureServer(): Promise<Lease> {
    if (this.disposed) return Promise.reject(shutDownError());
    this.server ??= this.acquireServer();
    return this.server;
  }

  /** Whether a server runs or is being started. */
  get hasServer(): boolean {
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
   * Calls `onText` with each piece as it is generated, and returns the whole answer. Aborting `signal` closes the
   * connection, and the server stops computing. If the server dies before the first piece, it is restarted and the
   * request is retried once. Throws UserError `unauthorized`, `bad-request`, or `crashed` if the server died later or
   * again, and like start.
   */
  async stream(request: CompletionRequest, onText: OnPiece, signal?: AbortSignal): Promise<RawAnswer> {
    return this.streamFrom('/v1/completions', request, onText, signal);
  }

  /**
   * Streams the answer of a chat, like `stream`, and returns its text. Throws UserError `chat-too-long` if the chat
   * leaves no room for it.
   */
  async chat(request: ChatRequest, onText: OnPiece, signal?: AbortSignal): Promise<string> {
    return (await this.streamFrom('/v1/chat/completions', request, onText, signal)).text;
  }

  /** Number of the base's tokens in a text. */
  async countTokens(content: string, signal?: AbortSignal): Promise<number> {
    const ask = async (server: Lease) => {
      const response = await this.post(server, '/tokenize', { content }, signal);
      return tokenizedSchema.parse(await response.json()).tokens.length;
    };
    return this.withRetry(ask, { signal });
  }

  private async streamFrom(
    route: string,
    request: CompletionRequest | ChatRequest,
    onText: OnPiece,
    signal?: AbortSignal,
  ): Promise<RawAnswer> {
    let hasStarted = false;
    const ask = async (server: Lease) => {
      const body = { ...request, stream: true };
      return readStream(await this.post(server, route, body, signal), (piece, confidence) => {
        hasStarted = true;
        onText(piece, confidence);
      });
    };
    return this.withRetry(ask, { model: request.model, signal, canRetry: () => !hasStarted });
  }

  /** Calls `ask` with the server, and again with the next one if the server dies and `canRetry` allows it. */
  private async withRetry<T>(
    ask: (server: Lease) => Promise<T>,
    { model, signal, canRetry = () => true }: AskOptions,
  ): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const server = await this.ensureServer();
      try {
        if (model !== undefined && this.unloaded.has(model)) await this.loadAdapter(server, model);
        return await ask(server);
      } catch (error) {
        if (error instanceof UserError || signal?.aborted) throw error;
        this.options.log?.(`completion server did not answer: ${(error as Error).message}`);
        if (tries > 1 || !canRetry() || this.disposed) throw serverDied(error);
        await this.releaseAfterFailure(server);
      }
    }
  }

  /** Adds adapters that are loaded on their first request. Each replaces one of the same name. */
  registerAdapters(adapters: readonly { name: string; path: string }[]): void {
    for (const { name, path } of adapters) {
      if (this.adapters.get(name) === path) continue;
      this.adapters.set(name, path);
      this.unloaded.add(name);
    }
  }

  /** Loads a registered adapter before its first request. Throws UserError `bad-request` if the server refuses it. */
  async load(name: string): Promise<void> {
    const server = await this.ensureServer();
    if (this.unloaded.has(name)) await this.loadAdapter(server, name);
  }

  private loadAdapter(server: Lease, name: string): Promise<void> {
    const path = this.adapters.get(name);
    return this.loading.do(`${name}\n${path}`, async () => {
      const body = { lora_name: name, lora_path: path, load_inplace: true };
      await this.post(server, '/v1/load_lora_adapter', body);
      this.unloaded.delete(name);
    });
  }

  /** Loads this client's adapters into a server that was just found or started. */
  private async loadAdapters(server: Lease): Promise<void> {
    this.unloaded.clear();
    for (const name of this.adapters.keys()) {
      if (server.ready.models.includes(name)) continue;
      try {
        await this.loadAdapter(server, name);
      } catch (error) {
        // A damaged or missing adapter must not disable completion with the base's other models.
        if (!(error instanceof UserError)) throw error;
        this.unloaded.add(name);
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
      signal: signal ?? null,
    });
    if (response.ok) return response;
    const failure = errorBodySchema.safeParse(await response.json());
    if (failure.success && response.status !== 401) throw toUserError(failure.data);
    throw new UserError(
      response.status === 401 ? 'unauthorized' : 'bad-request',
      failure.success ? failure.data.error.message : msg`The completion server answered ${response.status}.`,
      msg`See the log.`,
    );
  }

  /** The running server, or a newly started one, with all adapters of this client. */
  private async acquireServer(): Promise<Lease> {
    const wait = BACK_OFF_MS[Math.min(this.crashes, BACK_OFF_MS.length - 1)] ?? 0;
    let server: Lease | undefined;
    try {
      if (wait > 0) await sleep(wait, undefined, { signal: this.ended.signal }).catch(() => undefined);
      const { base, script, environment } = this.options;
      const file = await announcementPath(base, [script, this.args(), ...(environment ? [environment] : [])]);
      server = await this.findOrStart(file);
      if (this.disposed) throw shutDownError();
      this.watch(server);
      this.options.onReady?.(server.ready);
      await this.loadAdapters(server);
      return server;
    } catch (error) {
      server?.release();
      this.server = undefined;
      this.crashes += 1;
      throw error;
    }
  }

  /** If several windows try at the same time, one starts the server and the others find it. */
  private async findOrStart(file: string): Promise<Lease> {
    await openServersDir();
    const busy = new Error('Another window is starting the server.');
    const tryLock = () =>
      takeLock(`${file}.lock`, () => busy).catch((error: unknown) => {
        if (error !== busy) throw error;
        return undefined;
      });
    for (let polls = 0; ; polls += 1) {
      if (this.disposed) throw shutDownError();
      const found = await this.findServer(file);
      if (found) return found;
      const lock = polls % POLLS_PER_TRY === 0 ? await tryLock() : undefined;
      if (lock)
        try {
          return (await this.findServer(file)) ?? (await this.launch(file));
        } finally {
          await lock.release();
        }
      await sleep(POLL_MS, undefined, { signal: this.ended.signal }).catch(() => undefined);
    }
  }

  /** Holds the announced server; undefined if there is none. */
  private async findServer(file: string): Promise<Lease | undefined> {
    const announced = await readAnnouncement(file);
    return announced && holdServer(announced, this.options.onReady);
  }

  private async launch(file: string): Promise<Lease> {
    const { base, script, log } = this.options;
    const node = await this.options.node();
    if (this.disposed) throw shutDownError();
    const token = randomBytes(32).toString('base64url');
    await launchServer({
      command: node.command,
      args: [script, '--base', base, '--announce', file, ...this.args()],
      env: { ...node.env, FORGET_ME_NOT_TOKEN: token },
      output: file.replace(/json$/, 'log'),
      signal: this.ended.signal,
      log,
    });
    const server = await this.findServer(file);
    if (server) return server;
    throw new UserError(
      'internal',
      msg`The completion server ended as soon as it was ready.`,
      msg`See the log.`,
    );
  }

  /** Arguments that identify this client's server; adapters are added later. */
  private args(): string[] {
    const { models = [], args = [], idleMinutes } = this.options;
    return [
      ...models.flatMap(({ name, path }) => ['--model', `${name}=${path}`]),
      ...(idleMinutes ? ['--idle-minutes', String(idleMinutes)] : []),
      ...args,
    ];
  }

  /** Forgets a server that exits; the next start is delayed only after a crash. */
  private watch(server: Lease): void {
    const stableTimer = setTimeout(() => (this.crashes = 0), 30_000);
    stableTimer.unref();
    const watched = this.server;
    void server.ended.then((wasExpected) => {
      clearTimeout(stableTimer);
      if (this.server === watched) this.server = undefined;
      if (!wasExpected) this.noteEnd(server);
      if (!this.disposed) this.options.log?.(`the completion server ${wasExpected ? 'ended' : 'died'}`);
    });
  }

  /** A single end on a GPU may have had another reason, such as a lack of memory. */
  private noteEnd({ pid, ready }: Lease): void {
    this.crashes += 1;
    const { backend } = ready.device;
    if (backend === 'cpu') return;
    if (Date.now() - this.gpuCrashedAt < GPU_CRASHES_MS) void noteCrash(backend, pid);
    this.gpuCrashedAt = Date.now();
  }

  /** Waits until a server that did not answer has exited. A hanging server is released and left to other windows. */
  private async releaseAfterFailure(server: Lease): Promise<void> {
    await Promise.race([server.ended, sleep(EXIT_WAIT_MS, undefined, { ref: false })]);
    server.release();
    await server.ended;
  }

  /**
   * Releases the server, which exits soon if no one else uses it; one that it is starting is killed. The client can't be
   * used afterwards.
   */
  async dispose(): Promise<void> {
    this.ended.abort(shutDownError());
    const server = await this.server?.catch(() => undefined);
    this.server = undefined;
    server?.release();
  }
}

const serverDied = (cause: unknown) =>
  new UserError(
    'crashed',
    msg`The completion server ended before the answer was complete.`,
    msg`Ask again.`,
    {
      cause,
    },
  );

const shutDownError = () =>
  new UserError('internal', msg`The completion server was shut down.`, msg`Turn completion on again.`);
