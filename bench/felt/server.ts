/** The completion server of a benchmark: one process for all sides. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { RawAnswer } from '../../src/completion/index.ts';
import { llamaEnv } from '../../src/llama-cpp/env.ts';
import { serverReadySchema, type ServerReady } from '../../src/protocol/server.ts';
import { readStream } from '../../src/serving/client/read-stream.ts';

export class BenchServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly token: string,
    readonly ready: ServerReady,
  ) {}

  static async start(base: string, args: readonly string[]): Promise<BenchServer> {
    const token = randomBytes(16).toString('hex');
    const child = spawn(process.execPath, ['dist/server.mjs', '--base', base, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...llamaEnv(), FORGET_ME_NOT_TOKEN: token },
    });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout! }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    });
    return new BenchServer(child, token, serverReadySchema.parse(JSON.parse(line)));
  }

  /** OpenAI's route, as used by the extension. */
  async stream(
    body: object,
    onText: (piece: string, logprob?: number) => void,
    signal: AbortSignal,
  ): Promise<RawAnswer> {
    return readStream(await this.post('/v1/completions', { ...body, stream: true }, signal), onText);
  }

  /** llama.cpp's route. Stops reading when `isEnough` returns true. */
  async infill(
    body: object,
    signal: AbortSignal,
    isEnough: (text: string) => boolean = () => false,
  ): Promise<string> {
    const enough = new AbortController();
    const both = AbortSignal.any([signal, enough.signal]);
    let text = '';
    try {
      const response = await this.post('/infill', { ...body, stream: true }, both);
      const events = response
        .body!.pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      const reader = events.getReader();
      for (let event = await reader.read(); !event.done; event = await reader.read()) {
        text += (JSON.parse(event.value.data) as { content?: string }).content ?? '';
        if (isEnough(text)) enough.abort();
      }
    } catch (error) {
      if (!enough.signal.aborted) throw error;
    }
    return text;
  }

  post(route: string, body: object, signal?: AbortSignal): Promise<Response> {
    return this.ask(route, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
  }

  async get(route: string): Promise<string> {
    return (await this.ask(route, {})).text();
  }

  private async ask(route: string, { headers, ...how }: RequestInit): Promise<Response> {
    const response = await fetch(`http://127.0.0.1:${this.ready.port}${route}`, {
      ...how,
      headers: { ...headers, authorization: `Bearer ${this.token}` },
    });
    if (!response.ok) throw new Error(`${route} answered ${response.status}: ${await response.text()}`);
    return response;
  }

  /**
   * Processor time of all its threads in milliseconds (Linux). Independent of the machine's load only if the model has
   * one thread, because several wait for each other busily.
   */
  processorTime(): number {
    const tasks = `/proc/${this.child.pid}/task`;
    let nanoseconds = 0;
    for (const task of readdirSync(tasks))
      try {
        nanoseconds += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
      } catch {
        // The thread has ended; its time is negligible.
      }
    return nanoseconds / 1e6;
  }

  end(): void {
    this.child.removeAllListeners('exit');
    this.child.kill();
  }
}
