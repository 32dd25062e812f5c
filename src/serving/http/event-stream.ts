/** Server-sent events to one client; clients that do not read are disconnected. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { errorBody } from './openai.ts';

/** Bytes that may wait for a client that reads too slowly; with more, it is disconnected. */
const SLOW_CLIENT_LIMIT = 1024 * 1024;
/** How long a client may leave sent data unread, in ms. */
export const STALLED_MS = 30_000;
/** A long prompt is read for many minutes, and clients give up where they hear nothing (Node's after five). */
const SIGN_MS = 15_000;

export class EventStream {
  private stalled: NodeJS.Timeout | undefined;

  constructor(
    private readonly reply: FastifyReply,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Whether the status was already sent; an error then has to be an event. */
  get begun(): boolean {
    return this.reply.sent;
  }

  send(event: unknown): void {
    this.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  /** A sign of life, which readers of events ignore. */
  comment(text: string): void {
    this.write(`: ${text}\n\n`);
  }

  /** Ends the stream, with OpenAI's last line if given. */
  end(done?: string): void {
    if (done) this.write(`data: ${done}\n\n`);
    const { raw } = this.reply;
    dropUnlessRead(raw, this.stalledMs);
    raw.end();
  }

  private write(text: string): void {
    const { raw } = this.reply;
    if (!this.begun) {
      this.reply.hijack();
      raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    }
    const flowing = raw.write(text);
    if (raw.writableLength > SLOW_CLIENT_LIMIT) raw.destroy();
    else if (!flowing && !this.stalled) {
      this.stalled = setTimeout(() => raw.destroy(), this.stalledMs);
      const go = () => {
        clearTimeout(this.stalled);
        this.stalled = undefined;
      };
      raw.once('drain', go).once('close', go);
    }
  }
}

/**
 * Streams what `work` sends, then the line `done` if given, and signs of life meanwhile. An error before the first of
 * these is thrown, so that it has a status; a later one is an event.
 */
export async function streamed(
  reply: FastifyReply,
  work: (events: EventStream) => Promise<void>,
  done?: string,
  signMs = SIGN_MS,
): Promise<FastifyReply> {
  const events = new EventStream(reply);
  const signs = setInterval(() => events.comment('working'), signMs);
  try {
    await work(events);
    events.end(done);
  } catch (error) {
    if (!events.begun) throw error;
    events.send(errorBody(error));
    events.end();
  } finally {
    clearInterval(signs);
  }
  return reply;
}

/** Closes the connection of a client that has not read its answer after `stalledMs`. */
export function dropUnlessRead(raw: ServerResponse, stalledMs = STALLED_MS): void {
  const timer = setTimeout(() => raw.destroy(), stalledMs);
  timer.unref();
  raw.once('finish', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}
