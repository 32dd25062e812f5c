/**
 * The completion server as a child of this process, and how to ask it. For the extension: no engine in here, only a
 * child process and fetch. Started on first use; comes back after a crash.
 */
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { UserError, type ErrorCode } from '../protocol/errors.ts';
import { parseLine } from '../protocol/lines.ts';
import type { NodeCommand } from '../protocol/node.ts';
import {
  completionResponseSchema,
  serverFailedSchema,
  serverReadySchema,
  type CompletionRequest,
  type CompletionResponse,
  type ServerReady,
} from '../protocol/server.ts';

const firstLineSchema = z.union([serverReadySchema, serverFailedSchema]);
const errorBodySchema = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

/** Waits after the first, second, ... crash in a row before the next start. */
const BACK_OFF_MS = [0, 500, 2_000, 10_000, 60_000];

/** Time that the server gets to end by itself. */
const END_MS = 3_000;

export interface ServingClientOptions {
  /** Found with `findNode` of protocol/node.ts. */
  node: () => NodeCommand | Promise<NodeCommand>;
  /** dist/server.mjs. */
  script: string;
  base: string;
  adapters?: { name: string; path: string }[];
  /** Whole models (full fine-tunes). */
  models?: { name: string; path: string }[];
  /** Further arguments of the server, such as `--context 4096`. */
  args?: string[];
  /** Minutes without a request after which the server ends by itself; the next request starts it again. */
  idleMinutes?: number;
  log?: (line: string) => void;
  /** Called for each process that is started. */
  onStart?: (pid: number) => void;
}

interface Server {
  child: ChildProcess;
  ready: ServerReady;
}

export class ServingClient {
  private readonly token = randomBytes(32).toString('base64url');
  private server: Promise<Server> | undefined;
  private crashes = 0;
  private readonly ended = new AbortController();

  /** Paths by name. */
  private readonly adapters: Map<string, string>;

  constructor(private readonly options: ServingClientOptions) {
    this.adapters = new Map((options.adapters ?? []).map(({ name, path }) => [name, path]));
  }

  /** Starts the server unless it runs; resolves once it answers. Throws UserError, the server's own where it has one. */
  async start(): Promise<ServerReady> {
    return (await this.running()).ready;
  }

  private running(): Promise<Server> {
    if (this.disposed) return Promise.reject(shutDown());
    this.server ??= this.launch();
    return this.server;
  }

  private get disposed(): boolean {
    return this.ended.signal.aborted;
  }

  /** Whether the base has fill-in-the-middle tokens; starts the server to find out. */
  async fillInTheMiddle(): Promise<boolean> {
    return (await this.start()).fillInTheMiddle;
  }

  /**
   * One request. Aborting `signal` closes the connection, and the server stops computing. A server that dies
   * under the request is started again, and the request repeated once.
   */
  async complete(request: CompletionRequest, signal?: AbortSignal): Promise<CompletionResponse> {
    const server = await this.running();
    try {
      return await this.ask(server.ready.port, request, signal);
    } catch (error) {
      if (signal?.aborted || error instanceof UserError || this.disposed) throw error;
      this.options.log?.(`completion server did not answer: ${(error as Error).message}`);
      await gone(server);
      return this.ask((await this.start()).port, request, signal);
    }
  }

  /**
   * Offers one more adapter: at once where the server runs, and to every one that starts later. One of the same name is
   * replaced. Throws UserError where the server refuses it.
   */
  async addAdapter(adapter: { name: string; path: string }): Promise<void> {
    const { name, path } = adapter;
    if (this.adapters.get(name) === path) return;
    const server = await this.server;
    if (server)
      await this.post(server.ready.port, '/v1/load_lora_adapter', {
        lora_name: name,
        lora_path: path,
        load_inplace: true,
      });
    this.adapters.set(name, path);
  }

  private async ask(
    port: number,
    request: CompletionRequest,
    signal?: AbortSignal,
  ): Promise<CompletionResponse> {
    const response = await this.post(port, '/v1/completions', request, signal);
    return completionResponseSchema.parse(await response.json());
  }

  private async post(port: number, route: string, body: object, signal?: AbortSignal): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${port}${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
    if (response.ok) return response;
    const failure = errorBodySchema.safeParse(await response.json());
    throw new UserError(
      response.status === 401 ? 'unauthorized' : 'bad-request',
      failure.success ? failure.data.error.message : `The completion server answered ${response.status}.`,
      'See the log.',
    );
  }

  private async launch(): Promise<Server> {
    const wait = BACK_OFF_MS[Math.min(this.crashes, BACK_OFF_MS.length - 1)] ?? 0;
    let child: ChildProcessWithoutNullStreams | undefined;
    try {
      if (wait > 0) await sleep(wait, undefined, { signal: this.ended.signal }).catch(() => undefined);
      const { command, env } = await this.options.node();
      if (this.disposed) throw shutDown();
      child = spawn(command, [this.options.script, ...this.args()], {
        stdio: ['pipe', 'pipe', 'pipe'],
        windowsHide: true,
        env: { ...process.env, ...env, FORGET_ME_NOT_TOKEN: this.token },
      });
      // A pipe that breaks, or a process that can't be killed, must not take this process with it.
      for (const source of [child, child.stdin])
        source.on('error', (error: Error) => this.options.log?.(`completion server: ${error.message}`));
      if (child.pid !== undefined) this.options.onStart?.(child.pid);
      createInterface({ input: child.stderr }).on('line', (line) => this.options.log?.(line));
      const ready = await firstLine(child);
      this.watch(child);
      return { child, ready };
    } catch (error) {
      child?.kill('SIGKILL');
      this.server = undefined;
      this.crashes += 1;
      throw error;
    }
  }

  private args(): string[] {
    const { base, models = [], args = [], idleMinutes } = this.options;
    // One that was deleted meanwhile must not keep the others from being served.
    const adapters = [...this.adapters].filter(([, path]) => existsSync(path));
    return [
      ...['--base', base, '--parent-stdin'],
      ...adapters.flatMap(([name, path]) => ['--adapter', `${name}=${path}`]),
      ...models.flatMap(({ name, path }) => ['--model', `${name}=${path}`]),
      ...(idleMinutes ? ['--idle-minutes', String(idleMinutes)] : []),
      ...args,
    ];
  }

  /** A server that ends, by itself or not, is forgotten; only a crash makes the next start wait. */
  private watch(child: ChildProcess): void {
    const steady = setTimeout(() => (this.crashes = 0), 30_000);
    steady.unref();
    child.once('exit', (code, signal) => {
      clearTimeout(steady);
      this.server = undefined;
      if (code !== 0) this.crashes += 1;
      if (!this.disposed) this.options.log?.(`completion server ended (${signal ?? code})`);
    });
  }

  /** Ends the server. The client can't be used again. */
  async dispose(): Promise<void> {
    this.ended.abort();
    const server = await this.server?.catch(() => undefined);
    this.server = undefined;
    if (!server || server.child.exitCode !== null || server.child.signalCode !== null) return;
    const ended = new Promise((resolve) => server.child.once('exit', resolve));
    server.child.kill();
    const timer = setTimeout(() => server.child.kill('SIGKILL'), END_MS);
    await ended;
    clearTimeout(timer);
  }
}

const shutDown = () =>
  new UserError('internal', 'The completion server was shut down.', 'Turn completion on again.');

/**
 * Waits until a child whose connection broke is really gone, so that `start` makes a new one. It is the child that
 * was asked: another request may have started the next one meanwhile.
 */
async function gone({ child }: Server): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** The server's first word. */
function firstLine(child: ChildProcess): Promise<ServerReady> {
  return new Promise((resolve, reject) => {
    const fail = (code: ErrorCode, message: string) => reject(new UserError(code, message, 'See the log.'));
    child.once('error', (error) =>
      fail('node-missing', `The completion server could not be started: ${error.message}.`),
    );
    // Not at its exit: what it said last may still be on its way.
    child.once('close', (code, signal) =>
      fail('internal', `The completion server ended before it was ready (${signal ?? code}).`),
    );
    createInterface({ input: child.stdout! }).once('line', (line) => {
      const parsed = parseLine(firstLineSchema, line);
      if (!parsed.ok) return fail('internal', `The completion server said something unexpected: ${line}`);
      if (parsed.value.type === 'ready') return resolve(parsed.value);
      reject(new UserError(parsed.value.code as ErrorCode, parsed.value.message, parsed.value.next));
    });
  });
}
