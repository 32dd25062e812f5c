/** Server-sent events to one client, and what becomes of clients that do not read. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Bytes that may wait for a client that reads too slowly, before its request is ended. */
const SLOW_CLIENT_LIMIT = 1024 * 1024;
/** How long a client may leave unread what it was sent. */
export const STALLED_MS = 30_000;

export class EventStream {
  private stalled: NodeJS.Timeout | undefined;

  constructor(
    private readonly reply: FastifyReply,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Whether the status went out already: an error has to be an event then. */
  get begun(): boolean {
    return this.reply.sent;
  }

  send(event: unknown): void {
    this.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  /** With OpenAI's last line, or without. */
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

/** Ends the connection of a client that has not taken its answer after so long. */
export function dropUnlessRead(raw: ServerResponse, stalledMs = STALLED_MS): void {
  const timer = setTimeout(() => raw.destroy(), stalledMs);
  timer.unref();
  raw.once('finish', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}
