/**
 * Tracks the users of a detached server: each client keeps a connection open, which the system closes however the
 * client ends. Without a connection for a while, the server is no longer needed.
 */
import type { ServerResponse } from 'node:http';

export interface LeaseOptions {
  /** Called when no client holds the server and no request is being answered. */
  onUnused: () => void;
  /** Whether a request is being answered: a client may release the server before its last answer is complete. */
  isAnswering?: () => boolean;
  /** Time to wait for the first client, and after the last one for the next (a window that reloads). */
  firstMs?: number;
  lingerMs?: number;
}

export class Leases {
  /** With the line that each client is sent. */
  private readonly responses = new Map<ServerResponse, () => object>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: LeaseOptions) {
    this.scheduleEnd(options.firstMs ?? 30_000);
  }

  private scheduleEnd(milliseconds: number): void {
    const { onUnused, isAnswering, lingerMs = 5000 } = this.options;
    this.timer = setTimeout(() => (isAnswering?.() ? this.scheduleEnd(lingerMs) : onUnused()), milliseconds);
  }

  /** Sends `line` and keeps `response` open. */
  add(response: ServerResponse, line: () => object): void {
    clearTimeout(this.timer);
    this.responses.set(response, line);
    response.writeHead(200, { 'content-type': 'application/jsonl', 'cache-control': 'no-store' });
    response.write(`${JSON.stringify(line())}\n`);
    response.once('close', () => {
      this.responses.delete(response);
      if (this.responses.size === 0) this.scheduleEnd(this.options.lingerMs ?? 5000);
    });
  }

  /** Sends the clients their line again, after what it says has changed. */
  sendAgain(): void {
    for (const [response, line] of this.responses) response.write(`${JSON.stringify(line())}\n`);
  }

  /** Tells the clients that the server is shutting down. */
  end(): void {
    clearTimeout(this.timer);
    for (const response of this.responses.keys()) response.end('{"type":"ending"}\n');
  }
}
