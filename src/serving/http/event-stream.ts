/** Server-sent events to one client; clients that don't read are disconnected. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { errorBody } from './openai.ts';

/** Bytes that may be buffered for a slow client before it is disconnected. */
const SLOW_CLIENT_LIMIT = 1024 * 1024;
/** How long a client may leave sent data unread, in ms. */
export const STALLED_MS = 30_000;
/** Processing a long prompt takes many minutes, and clients give up when they receive nothing (Node's after five). */
const HEARTBEAT_MS = 15_000;

export class EventStream {
  private stallTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly reply: FastifyReply,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Whether the status was already sent; errors then have to be events. */
  get hasStarted(): boolean {
    return this.reply.sent;
  }

  send(event: unknown): void {
    this.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  /** A heartbeat that event parsers ignore. */
  comment(text: string): void {
    this.write(`: ${text}\n\n`);
  }

  /** Ends the stream, with OpenAI's last line if given. */
  end(done?: string): void {
    if (done) this.write(`data: ${done}\n\n`);
    const { raw } = this.reply;
    disconnectStalled(raw, this.stalledMs);
    raw.end();
  }

  private write(text: string): void {
    const { raw } = this.reply;
    if (!this.hasStarted) {
      this.reply.hijack();
      raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    }
    const flowing = raw.write(text);
    if (raw.writableLength > SLOW_CLIENT_LIMIT) raw.destroy();
    else if (!flowing && !this.stallTimer) {
      this.stallTimer = setTimeout(() => raw.destroy(), this.stalledMs);
      const onFlowing = () => {
        clearTimeout(this.stallTimer);
        this.stallTimer = undefined;
      };
      raw.once('drain', onFlowing).once('close', onFlowing);
    }
  }
}

/**
 * Streams what `work` sends, then the line `done` if given, with heartbeats meanwhile. An error before anything was
 * sent is thrown, so that it gets a status; a later one becomes an event.
 */
export async function streamEvents(
  reply: FastifyReply,
  work: (events: EventStream) => Promise<void>,
  done?: string,
  heartbeatMs = HEARTBEAT_MS,
): Promise<FastifyReply> {
  const events = new EventStream(reply);
  const heartbeat = setInterval(() => events.comment('working'), heartbeatMs);
  try {
    await work(events);
    events.end(done);
  } catch (error) {
    if (!events.hasStarted) throw error;
    events.send(errorBody(error));
    events.end();
  } finally {
    clearInterval(heartbeat);
  }
  return reply;
}

/** Closes the connection of a client that has not read its answer after `stalledMs`. */
export function disconnectStalled(raw: ServerResponse, stalledMs = STALLED_MS): void {
  const timer = setTimeout(() => raw.destroy(), stalledMs);
  timer.unref();
  raw.once('finish', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}
