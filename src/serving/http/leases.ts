/**
 * Tracks the users of a detached server: each client keeps a connection open, which the system closes however the
 * client ends. If there has been no connection for a while, nobody needs the server any more.
 */
import type { ServerResponse } from 'node:http';

export interface LeaseOptions {
  /** Called when nobody holds the server any more, and it answers nobody. */
  onUnused: () => void;
  /** Whether a request is being answered: a client may let go of the server before its last answer is complete. */
  answers?: () => boolean;
  /** Time to wait for the first client, and after the last one for the next (a window that reloads). */
  firstMs?: number;
  lingerMs?: number;
}

export class Leases {
  private readonly held = new Set<ServerResponse>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: LeaseOptions) {
    this.endIn(options.firstMs ?? 30_000);
  }

  private endIn(milliseconds: number): void {
    const { onUnused, answers, lingerMs = 5000 } = this.options;
    this.timer = setTimeout(() => (answers?.() ? this.endIn(lingerMs) : onUnused()), milliseconds);
  }

  get size(): number {
    return this.held.size;
  }

  /** Sends `firstLine` and keeps `response` open. */
  add(response: ServerResponse, firstLine: object): void {
    clearTimeout(this.timer);
    this.held.add(response);
    response.writeHead(200, { 'content-type': 'application/jsonl', 'cache-control': 'no-store' });
    response.write(`${JSON.stringify(firstLine)}\n`);
    response.once('close', () => {
      this.held.delete(response);
      if (this.held.size === 0) this.endIn(this.options.lingerMs ?? 5000);
    });
  }

  /** Tells the clients that the server ends by itself. */
  end(): void {
    clearTimeout(this.timer);
    for (const response of this.held) response.end('{"type":"ending"}\n');
  }
}
