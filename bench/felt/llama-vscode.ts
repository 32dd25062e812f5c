/**
 * llama.vscode as a side of the comparison: its prompt, settings, cache and rules, with the same server's `/infill`.
 * Reimplements its behaviour (ggml-org/llama.vscode, MIT), with these differences: its "infill" sampler is not
 * available, so decoding is greedy; its limit of 500 ms per answer is enforced on the client, which stops reading.
 */
import type { VirtualClock } from './clock.ts';
import { shownOf } from './llama-shown.ts';
import type { Assistant, Place, Suggestion } from './replay.ts';
import { Ring } from './ring.ts';
import type { BenchServer } from './server.ts';

const LINES = { prefix: 256, suffix: 64 };
const MAX_TOKENS = 128;
/** An answer with a line break is cut off after this long. */
const MAX_MS = 500;
/** With more characters right of the cursor, no request is sent while typing. */
const MAX_CHARACTERS_AFTER = 8;
const CACHED = 250;
/** Interval at which a later request checks whether an earlier one is done. */
const POLL_MS = 150;

interface Prompt {
  prefix: string;
  suffix: string;
  /** The line left of the cursor; empty if only indentation. */
  prompt: string;
}

export class LlamaVscode implements Assistant {
  requests = 0;
  private busy = false;
  private readonly ring = new Ring();
  private readonly cache = new Map<string, string>();

  constructor(
    private readonly server: Pick<BenchServer, 'infill'>,
    private readonly clock: VirtualClock,
  ) {}

  /** Fills the ring with other open files while the user is idle. */
  async open({ path, before, after, files }: Place): Promise<void> {
    for (const file of [...files()].reverse()) this.ring.pickAround(file.path, file.text, 0);
    this.ring.pickAround(path, before + after, before.split('\n').length - 1);
    const body = { input_extra: this.ring.chunks, n_predict: 0, temperature: 0 };
    await this.server.infill(body, new AbortController().signal);
  }

  async suggest(place: Place, signal: AbortSignal): Promise<Suggestion | undefined> {
    while (this.busy) {
      await this.clock.sleep(POLL_MS);
      if (signal.aborted) return undefined;
    }
    this.busy = true;
    try {
      return await this.answer(place, signal);
    } finally {
      this.busy = false;
    }
  }

  private async answer({ path, before, after }: Place, signal: AbortSignal): Promise<Suggestion | undefined> {
    const above = before.split('\n');
    const left = above.pop()!;
    const [right = '', ...below] = after.split('\n');
    if (right.length > MAX_CHARACTERS_AFTER) return undefined;
    const blank = /^[ \t]*$/.test(left);
    const at: Prompt = {
      prefix: `${above.slice(-LINES.prefix).join('\n')}\n`,
      suffix: `${right}\n${below.slice(0, LINES.suffix).join('\n')}\n`,
      prompt: blank ? '' : left,
    };
    const known = this.cached(at);
    if (known === undefined && signal.aborted) return undefined;
    const answer = known ?? (await this.fetch(at));
    const shown = shownOf(answer, { left, right, below });
    if (shown === undefined) return undefined;
    if (known === undefined) this.keep(at, shown);
    if (!signal.aborted && right.trim() === '') void this.prepare(at, shown.split('\n'));
    if (!signal.aborted) this.ring.move(path, before + after, above.length);
    // The indentation already exists.
    const text = blank ? shown.replace(new RegExp(`^[ \\t]{0,${left.length}}`), '') : shown;
    return { text };
  }

  private async fetch({ prefix, suffix, prompt }: Prompt): Promise<string> {
    this.requests += 1;
    let first: number | undefined;
    const body = {
      input_prefix: prefix,
      input_suffix: suffix,
      prompt,
      input_extra: this.ring.chunks,
      n_predict: MAX_TOKENS,
      temperature: 0,
    };
    const isEnough = (text: string) => {
      first ??= this.clock.now();
      return text.includes('\n') && this.clock.now() - first > MAX_MS;
    };
    return this.clock.work(() => this.server.infill(body, new AbortController().signal, isEnough));
  }

  /** Prefetches what follows the suggestion, and caches the rest of it for after its first line. */
  private async prepare({ prefix, suffix, prompt }: Prompt, lines: readonly string[]): Promise<void> {
    if (lines.length > 1)
      this.keep({ prefix: `${prefix}${prompt}${lines[0]}\n`, suffix, prompt: '' }, lines.slice(1).join('\n'));
    const whole = `${prefix}${prompt}${lines.slice(0, -1).join('\n')}`
      .split('\n')
      .slice(-LINES.prefix)
      .join('\n');
    const next: Prompt =
      lines.length > 1
        ? { prefix: `${whole}\n`, suffix, prompt: lines.at(-1)! }
        : { prefix, suffix, prompt: prompt + lines[0]! };
    if (this.cache.has(keyOf(next))) return;
    const text = (await this.fetch(next)).replace(/\n+$/, '');
    if (text.trim()) this.keep(next, text);
  }

  /** The rest of a cached answer for this place, or for an earlier one in this line whose text has been typed since. */
  private cached({ prefix, suffix, prompt }: Prompt): string | undefined {
    for (let length = prompt.length; length >= 0; length -= 1) {
      const known = this.cache.get(keyOf({ prefix, suffix, prompt: prompt.slice(0, length) }));
      if (known?.startsWith(prompt.slice(length))) return known.slice(prompt.length - length);
    }
    return undefined;
  }

  private keep(at: Prompt, text: string): void {
    this.cache.delete(keyOf(at));
    this.cache.set(keyOf(at), text);
    if (this.cache.size > CACHED) this.cache.delete(this.cache.keys().next().value!);
  }
}

const keyOf = ({ prefix, suffix, prompt }: Prompt) => JSON.stringify([prefix, suffix, prompt]);
