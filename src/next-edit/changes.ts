/** Determines what an edit changed, token by token. */
import type { Edit } from './edit.ts';
import { tokensOf, type Token } from './tokens.ts';

/** Tokens that were replaced by others, with their context. */
export interface TokenChange {
  old: readonly Token[];
  now: readonly Token[];
  /** The unchanged tokens before it, nearest last, and after it. */
  left: readonly Token[];
  right: readonly Token[];
  /** White space around it, before and after the change. */
  gaps: { before: readonly [string, string]; after: readonly [string, string] };
  /** The text of `now`, from its first token to its last. */
  text: string;
  /** Where `now` begins in the document's text now. */
  at: number;
  /** Range of its old tokens among those of the edited text with its context. */
  span: readonly [number, number];
  kept: readonly Token[];
  /** Whether it lies entirely in a string or a comment. */
  quoted: boolean;
}

/** Number of context lines around an edit. */
const CONTEXT_LINES = 3;
/** Size limit of the token alignment table, which takes quadratic time. */
const MAX_CELLS = 60_000;
/** An edit with more changes, or that keeps less than this share, is unlikely to be repeated elsewhere. */
const MAX_CHANGES = 4;
const MAX_LINES = 6;
const MIN_KEPT_SHARE = 0.4;
/** Changes with more tokens between them are not combined. */
export const MAX_TOKENS_BETWEEN = 30;

/**
 * The changes of one edit.
 * @param text the document's text now
 * @param tokens all of its tokens
 */
export function changesOf(edit: Edit, text: string, tokens: readonly Token[]): TokenChange[] {
  const [from, to] = around(text, edit.at, edit.at + edit.after.length);
  const above = text.slice(from, edit.at);
  const below = text.slice(edit.at + edit.after.length, to);
  const beforeText = above + edit.before + below;
  const before = tokensOf(beforeText, edit.languageId);
  const after = tokens.filter(({ start, end }) => start >= from && end <= to);
  const edited = after.filter(({ start }) => start >= edit.at && start < edit.at + edit.after.length);
  const quoted = edited.length > 0 && edited.every((token) => token.quoted);
  const spans = align(before, after);
  if (spans.length > MAX_CHANGES || !isSmall(edit, edited.length, spans)) return [];
  return spans.map(([a, b, c, d]) => {
    const now = after.slice(c, d);
    return {
      old: before.slice(a, b),
      now,
      left: before.slice(Math.max(0, a - 12), a),
      right: before.slice(b, b + 12),
      gaps: { before: gapsOf(beforeText, 0, before, a, b), after: gapsOf(text, from, after, c, d) },
      text: now.length ? text.slice(now[0]!.start, now.at(-1)!.end) : '',
      at: after[c]?.start ?? to,
      span: [a, b] as const,
      kept: before,
      quoted: quoted || (d > c ? now : before.slice(a, b)).every((token) => token.quoted),
    };
  });
}

/** The tokens between two changes of an edit, in document order; undefined if the changes are far apart. */
export function tokensBetween(change: TokenChange, next: TokenChange): string[] | undefined {
  const [from, to] = [change.span[1], next.span[0]];
  return to - from <= MAX_TOKENS_BETWEEN ? change.kept.slice(from, to).map(({ text }) => text) : undefined;
}

function isSmall({ before, after }: Edit, count: number, spans: readonly Span[]): boolean {
  const lines = Math.max(before.split('\n').length, after.split('\n').length);
  const written = spans.reduce((sum, [, , from, to]) => sum + to - from, 0);
  const gone = spans.reduce((sum, [from, to]) => sum + to - from, 0);
  const kept = count - written;
  return lines <= MAX_LINES && kept >= MIN_KEPT_SHARE * (kept + Math.max(written, gone));
}

/** The white space before and after tokens `a` to `b`; for an empty range, what is between its neighbours, and ''. */
function gapsOf(text: string, begin: number, tokens: readonly Token[], a: number, b: number) {
  const left = tokens[a - 1]?.end ?? begin;
  const right = tokens[b]?.start ?? tokens.at(-1)?.end ?? left;
  if (a === b) return [text.slice(left, Math.max(left, right)), ''] as const;
  const [first, last] = [tokens[a]!, tokens[b - 1]!];
  return [text.slice(left, first.start), text.slice(last.end, Math.max(last.end, right))] as const;
}

function around(text: string, begin: number, end: number): [number, number] {
  let [from, to] = [begin, end];
  for (let line = 0; line < CONTEXT_LINES && from > 0; line += 1) from = text.lastIndexOf('\n', from - 2) + 1;
  for (let line = 0; line < CONTEXT_LINES && to < text.length; line += 1) {
    const next = text.indexOf('\n', to + 1);
    to = next < 0 ? text.length : next;
  }
  return [from, to];
}

type Span = [from: number, to: number, from: number, to: number];

/** The ranges of differing tokens, before and after the edit. Empty if finding them would take too long. */
function align(before: readonly Token[], after: readonly Token[]): Span[] {
  let head = 0;
  const most = Math.min(before.length, after.length);
  while (head < most && before[head]!.text === after[head]!.text) head += 1;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail)!.text === after.at(-1 - tail)!.text) tail += 1;
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  if (a.length === 0 && b.length === 0) return [];
  if (a.length === 0 || b.length === 0) return [[head, head + a.length, head, head + b.length]];
  if (a.length * b.length > MAX_CELLS) return [];
  return spansBetween(a, b).map(([i, j, k, l]) => [i + head, j + head, k + head, l + head]);
}

/** The gaps in the longest common subsequence; a kept word counts more than a kept sign. */
function spansBetween(a: readonly Token[], b: readonly Token[]): Span[] {
  const width = b.length + 1;
  const best = new Float64Array((a.length + 1) * width);
  const worth = (token: Token) => (token.isWord ? 3 : 1);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const passed = Math.max(best[(i + 1) * width + j]!, best[i * width + j + 1]!);
      const taken = a[i]!.text === b[j]!.text ? best[(i + 1) * width + j + 1]! + worth(a[i]!) : 0;
      best[i * width + j] = Math.max(passed, taken);
    }
  const spans: Span[] = [];
  let [i, j, from, begin] = [0, 0, 0, 0];
  const close = () => {
    if (i > from || j > begin) spans.push([from, i, begin, j]);
  };
  while (i < a.length && j < b.length) {
    const here = best[i * width + j]!;
    if (a[i]!.text === b[j]!.text && here === best[(i + 1) * width + j + 1]! + worth(a[i]!)) {
      close();
      [i, j] = [i + 1, j + 1];
      [from, begin] = [i, j];
    } else if (here === best[(i + 1) * width + j]!) i += 1;
    else j += 1;
  }
  [i, j] = [a.length, b.length];
  close();
  return spans;
}
