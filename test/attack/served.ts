/** A server of dist/ for the campaigns: restarted if a trial crashed it. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkMemory, ending, killGroup, mustBeSentence, startBundle, within } from './support.ts';

const TOKEN = 'attack';

interface Running {
  child: ChildProcess;
  port: number;
  ended: Promise<number | string | null>;
}

export interface Response {
  status: number;
  text: string;
}

export class Served {
  private running: Promise<Running> | undefined;

  constructor(private readonly args: string[]) {}

  /** Rejects if the server ends in the meantime. */
  async ask(route: string, body: object, milliseconds?: number): Promise<Response> {
    this.running ??= start(this.args).catch((error: unknown) => {
      this.running = undefined;
      throw error;
    });
    const { port, ended } = await this.running;
    const over = ended.then((how) => {
      this.running = undefined;
      throw new Error(`the server ended with ${how}`);
    });
    // Output of an aborted connection is ignored.
    const answer = ask(port, route, body).catch((error: unknown) =>
      Promise.race([over, sleep(1000).then(() => Promise.reject(error as Error))]),
    );
    return await within(Promise.race([answer, over]), milliseconds);
  }

  async complete(model: string, milliseconds?: number): Promise<Response> {
    const body = { model, prompt: 'const answer =', max_tokens: 8, cache_prompt: false };
    return await this.ask('/v1/completions', body, milliseconds);
  }

  /** An answer, or a sentence. */
  async mustAnswer(model: string, milliseconds?: number): Promise<void> {
    const { status, text } = await this.complete(model, milliseconds);
    if (status === 200) return;
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    if (error.code === 'internal') throw new Error(`[internal] ${error.message}`);
    mustBeSentence(error.message);
  }

  /** The text of its answer. */
  async answer(model: string): Promise<string> {
    const { status, text } = await this.complete(model);
    if (status !== 200) throw new Error(`"${model}" was answered ${status}: ${text}`);
    return (JSON.parse(text) as { choices: { text: string }[] }).choices[0]!.text;
  }

  async mustAnswerWith(model: string, right: string): Promise<void> {
    const answered = await this.answer(model);
    if (answered !== right)
      throw new Error(`"${model}" said ${JSON.stringify(answered)}, not ${JSON.stringify(right)}`);
  }

  async close(): Promise<void> {
    const running = await this.running?.catch(() => undefined);
    if (!running) return;
    killGroup(running.child);
    await running.ended;
  }
}

async function start(args: string[]): Promise<Running> {
  const child = launch(args);
  const ended = ending(child);
  const { port, message } = await announcement(child, ended);
  if (port === undefined) throw new Error(`the server does not start: ${message}`);
  return { child, port, ended };
}

const launch = (args: string[]) =>
  startBundle('server', [...args, '--threads', '1', '--context', '128'], { FORGET_ME_NOT_TOKEN: TOKEN });

interface Announcement {
  port?: number;
  code?: string;
  message?: string;
}

async function announcement(child: ChildProcess, ended: Running['ended']): Promise<Announcement> {
  const line = new Promise<string>((done) => createInterface({ input: child.stdout! }).once('line', done));
  const over = ended.then((how) => {
    throw new Error(`the server ended with ${how}`);
  });
  return JSON.parse(await Promise.race([line, over])) as Announcement;
}

async function ask(port: number, route: string, body: object): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${port}${route}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/** A server starts on this base and answers, or says in a sentence why not. */
export async function serves(base: string, milliseconds = 20_000): Promise<void> {
  const child = launch(['--base', base]);
  const ended = ending(child);
  try {
    const answered = await within(announcement(child, ended), milliseconds);
    checkMemory(child);
    if (answered.port !== undefined) {
      const body = { model: 'base', prompt: 'let a = 1;', max_tokens: 4 };
      const { status, text } = await within(ask(answered.port, '/v1/completions', body));
      if (status !== 200) throw new Error(`a completion was answered ${status}: ${text}`);
      return;
    }
    if (answered.code === 'internal') throw new Error(`[internal] ${answered.message}`);
    mustBeSentence(answered.message ?? '');
  } finally {
    killGroup(child);
    await ended;
  }
}
