/** Emits text until a stop text appears; holds back what might become one. */
export class StopText {
  private pending = '';
  private readonly stops: string[];

  constructor(stops: readonly string[]) {
    this.stops = stops.filter((stop) => stop.length > 0);
  }

  /** Adds the next piece; returns what can be emitted now, and whether a stop text has ended the answer. */
  push(piece: string): { text: string; stopped: boolean; stop?: string } {
    const all = this.pending + piece;
    const found = this.stops
      .map((stop) => ({ stop, at: all.indexOf(stop) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0];
    if (found) {
      this.pending = '';
      return { text: all.slice(0, found.at), stopped: true, stop: found.stop };
    }
    const keep = Math.max(0, ...this.stops.map((stop) => overlap(all, stop)));
    this.pending = all.slice(all.length - keep);
    return { text: all.slice(0, all.length - keep), stopped: false };
  }

  /** The text still held back when the answer ends without a stop text. */
  flush(): string {
    const rest = this.pending;
    this.pending = '';
    return rest;
  }
}

/** Length of the longest suffix of `text` that is a proper prefix of `stop`. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length -= 1)
    if (text.endsWith(stop.slice(0, length))) return length;
  return 0;
}
