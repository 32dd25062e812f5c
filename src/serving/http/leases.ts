/**
 * Who uses a server that is nobody's child: each client holds a connection open, which its system closes however it ends.
 * When nobody has held one for a while, the server has no more use.
 */
import type { ServerResponse } from 'node:http';

export interface LeaseOptions {
  /** Called once nobody holds the server any more. */
  onUnused: () => void;
  /** Time for the first client to come, and for the next after the last (a window that is reloaded). */
  firstMs?: number;
  lingerMs?: number;
}

export class Leases {
  private readonly held = new Set<ServerResponse>();
  private timer: NodeJS.Timeout;

  constructor(private readonly options: LeaseOptions) {
    this.timer = setTimeout(options.onUnused, options.firstMs ?? 30_000);
  }

  get size(): number {
    return this.held.size;
  }

  /** Keeps `response` open from its first line on. */
  add(response: ServerResponse, firstLine: object): void {
    clearTimeout(this.timer);
    this.held.add(response);
    response.writeHead(200, { 'content-type': 'application/jsonl', 'cache-control': 'no-store' });
    response.write(`${JSON.stringify(firstLine)}\n`);
    response.once('close', () => {
      this.held.delete(response);
      if (this.held.size > 0) return;
      this.timer = setTimeout(this.options.onUnused, this.options.lingerMs ?? 5000);
    });
  }

  /** Tells the clients that the server ends by itself. */
  end(): void {
    clearTimeout(this.timer);
    for (const response of this.held) response.end('{"type":"ending"}\n');
  }
}
