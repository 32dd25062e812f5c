/** A server of dist/ for the campaigns: started again where a trial has ended it. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { checkMemory, ending, killGroup, mustBeSentence, startBundle, within } from './support.ts';

const TOKEN = 'attack';

interface Running {
  child: ChildProcess;
  port: number;
  ended: Promise<number | string | null>;
}

export interface Said {
  status: number;
  text: string;
}

export class Served {
  private running: Promise<Running> | undefined;

  constructor(private readonly args: string[]) {}

  /** Rejects where the server ends meanwhile. */
  async ask(route: string, body: object, milliseconds?: number): Promise<Said> {
    this.running ??= start(this.args);
    const { port, ended } = await this.running;
    const over = ended.then((how) => {
      this.running = undefined;
      throw new Error(`the server ended with ${how}`);
    });
    return await within(Promise.race([ask(port, route, body), over]), milliseconds);
  }

  async complete(model: string, milliseconds?: number): Promise<Said> {
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

  async mustSay(model: string, right: string): Promise<void> {
    const said = await this.answer(model);
    if (said !== right)
      throw new Error(`"${model}" said ${JSON.stringify(said)}, not ${JSON.stringify(right)}`);
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
  const said = JSON.parse(await Promise.race([firstLine(child), ended.then(String)])) as { port: number };
  if (!said.port) throw new Error(`the server does not start: ${JSON.stringify(said)}`);
  return { child, port: said.port, ended };
}

const launch = (args: string[]) =>
  startBundle('server', [...args, '--threads', '1', '--context', '128'], { FORGET_ME_NOT_TOKEN: TOKEN });

const firstLine = (child: ChildProcess) =>
  new Promise<string>((done) => createInterface({ input: child.stdout! }).once('line', done));

async function ask(port: number, route: string, body: object): Promise<Said> {
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
    const line = await within(
      Promise.race([firstLine(child), ended.then((how) => `it ended with ${how}`)]),
      milliseconds,
    );
    const said = JSON.parse(line) as { type: string; port?: number; code?: string; message?: string };
    checkMemory(child);
    if (said.type === 'ready') {
      const { status, text } = await within(
        ask(said.port!, '/v1/completions', { model: 'base', prompt: 'let a = 1;', max_tokens: 4 }),
      );
      if (status !== 200) throw new Error(`a completion was answered ${status}: ${text}`);
      return;
    }
    if (said.code === 'internal') throw new Error(`[internal] ${said.message}`);
    mustBeSentence(said.message ?? '');
  } finally {
    killGroup(child);
    await ended;
  }
}
