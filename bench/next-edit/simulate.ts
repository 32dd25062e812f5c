/**
 * Makes the changes of a commit (or of a file) like a user, and checks after each one what is offered next. Right offers
 * are accepted; the rest are rejected and not shown again.
 */
import { distance } from 'fastest-levenshtein';
import {
  Refusals,
  search,
  shownLines,
  type Offer,
  type SearchedText,
  type SearchResult,
  type Why,
} from '../../src/next-edit/index.ts';
import { FileText, type FileStep, type Pending } from './file-text.ts';
import type { Place } from './order.ts';

/** Changes that belong together. */
export interface Commit {
  /** The files that change, each with its hunks from top to bottom. */
  files: readonly FileStep[];
  /** The order in which the hunks are made. */
  order: readonly Place[];
  /** The other files of the repository, which are searched, too. */
  others: readonly SearchedText[];
}

export interface Walked {
  /** Number of changes after the first. */
  following: number;
  /** Of these, those for which something was offered before the user got there. */
  found: number;
  /** Of these, those that the offers completed exactly. */
  exact: number;
  /** Accepted offers, by their reason. */
  right: Record<string, number>;
  /** Offers at lines that were changed, but differently. */
  otherText: Record<string, number>;
  /** Offers at lines that were not changed. */
  elsewhere: Record<string, number>;
  /** Offers that would have undone what the user had done. */
  reversed: number;
  /** All offers, in order. */
  offers: Judged[];
  examples: string[];
}

/** An offer, and what became of it. */
export interface Judged {
  why: Why;
  /** In the file that the user is in, in another that they have edited, or in one that they have not. */
  place: 'same file' | 'edited file' | 'new file';
  /** Earlier offers of its pattern. */
  accepted: number;
  refused: number;
  verdict: Verdict;
}

type Verdict = 'right' | 'otherText' | 'elsewhere';

export const walk = (commit: Commit): Walked => new Walk(commit).run();

/** As in the finder. */
const MAX_OFFERS = 100;

class Walk {
  /** The files that change, by path. */
  private readonly files: ReadonlyMap<string, FileText>;
  /** Those that the user has changed, the newest first; the editor has them open. */
  private open: FileText[] = [];
  /** The changes that are left, in their order. */
  private readonly pending: Pending[];
  private readonly refusals = new Refusals();
  /** What became of the offers of each pattern. */
  private readonly outcomes = new Map<string, Pick<Judged, 'accepted' | 'refused'>>();
  private readonly walked: Walked;
  private time = 0;
  /** Offers in files that are not open, by what was searched for. */
  private closed: { key: string; offers: Offer[] } | undefined;

  constructor(private readonly commit: Commit) {
    const files = commit.files.map((step) => new FileText(step));
    this.files = new Map(files.map((file) => [file.path, file]));
    this.pending = commit.order.map(({ file, hunk }) => files[file]!.pending[hunk]!);
    const none = { right: {}, otherText: {}, elsewhere: {}, reversed: 0, offers: [], examples: [] };
    this.walked = { following: this.pending.length - 1, found: 0, exact: 0, ...none };
  }

  run(): Walked {
    while (this.pending.length > 0) {
      const next = this.pending[0]!;
      if (this.open.length > 0 && !next.found) this.reportMissed(next);
      this.finish(next);
      this.write(next.file, next.at, next.lines.length, next.hunk.now);
      while (this.takeOne(next));
    }
    return this.walked;
  }

  private reportMissed({ at, lines, hunk, file }: Pending): void {
    const signed = (sign: string, all: readonly string[]) => all.map((line) => `  ${sign} ${line}`);
    const example = [`MISSED ${file.path}:${at + 1}`, ...signed('-', lines), ...signed('+', hunk.now)];
    this.walked.examples.push(example.join('\n'));
  }

  /** Nothing is left to do there. */
  private finish(done: Pending): void {
    for (const list of [this.pending, done.file.pending]) list.splice(list.indexOf(done), 1);
  }

  private write(file: FileText, at: number, count: number, now: readonly string[]): void {
    file.write(at, count, now, (this.time += 1));
    if (!this.open.includes(file)) this.closed = undefined;
    this.open = [file, ...this.open.filter((other) => other !== file)];
  }

  /** Returns whether an offer was accepted. Those before it are rejected. */
  private takeOne({ file, at }: Pick<Pending, 'file' | 'at'>): boolean {
    const found = search(
      this.open.flatMap(({ edits }) => edits),
      this.open.map((one) => one.searched()),
      { path: file.path, place: file.offsetOf(at), unwanted: this.refusals.unwanted },
    );
    return this.takeRight(found.offers) || this.takeRight(this.inClosed(found));
  }

  private takeRight(offers: readonly Offer[]): boolean {
    for (const offer of offers) {
      const shown = { ...offer, ...shownLines(this.textOf(offer.path), offer.parts) };
      if (this.refusals.isRefused(shown)) continue;
      if (this.judgeAndCount(offer, shown) === 'right') {
        this.refusals.recordAccepted(offer);
        return true;
      }
      this.refusals.recordRefused(shown);
    }
    return false;
  }

  private judgeAndCount(offer: Offer, shown: { before: string; after: string }): Verdict {
    const isOpen = this.open.some(({ path }) => path === offer.path);
    const place = offer.path === this.open[0]!.path ? 'same file' : isOpen ? 'edited file' : 'new file';
    const before = this.outcomes.get(offer.pattern) ?? { accepted: 0, refused: 0 };
    const verdict = this.judge(offer, shown);
    this.walked.offers.push({ why: offer.why, place, ...before, verdict });
    const outcome = verdict === 'right' ? 'accepted' : 'refused';
    this.outcomes.set(offer.pattern, { ...before, [outcome]: before[outcome] + 1 });
    return verdict;
  }

  private textOf(path: string): string {
    const file = this.files.get(path);
    return file ? file.searched().text : this.commit.others.find((other) => other.path === path)!.text;
  }

  /** The offers in files that are not open. */
  private inClosed({ spreading, inText }: SearchResult): Offer[] {
    if (spreading.length === 0) return [];
    const key = JSON.stringify(spreading);
    if (this.closed?.key === key) return this.closed.offers;
    const offers: Offer[] = [];
    const changing = [...this.files.values()].filter((file) => !this.open.includes(file));
    for (const text of [...changing.map((file) => file.searched()), ...this.commit.others]) {
      if (offers.length >= MAX_OFFERS) break;
      offers.push(...inText(text));
    }
    this.closed = { key, offers };
    return offers;
  }

  /** Accepts the offer if it is right. */
  private judge(offer: Offer, shown: { before: string; after: string }): Verdict {
    const { walked } = this;
    const [before, after] = [shown.before.split('\n'), shown.after.split('\n')];
    const at = offer.line;
    const [head, tail] = commonEnds(before, after);
    const [from, to] = [at + head, at + before.length - tail];
    const file = this.files.get(offer.path);
    const there = file?.pending.find(
      ({ at: begin, lines }) =>
        from >= begin && to <= begin + lines.length && (lines.length > 0 || from === begin),
    );
    const example = `${offer.why} ${offer.path}:${at + 1}\n  - ${shown.before}\n  + ${shown.after}`;
    const count = (of: Record<string, number>) => (of[offer.why] = (of[offer.why] ?? 0) + 1);
    if (file?.isReversal(at, shown.before, shown.after)) walked.reversed += 1;
    if (!there) {
      count(walked.elsewhere);
      walked.examples.push(`ELSEWHERE ${example}`);
      return 'elsewhere';
    }
    if (!there.found) walked.found += 1;
    there.found = true;
    const written = after.slice(head, after.length - tail);
    const gone = before.slice(head, before.length - tail);
    const isRight = written.length
      ? isPartialStep(gone.join('\n'), written.join('\n'), there)
      : gone.every((line) => !there.hunk.now.includes(line));
    if (!isRight) {
      count(walked.otherText);
      walked.examples.push(`OTHER ${example}\n  = ${there.hunk.now.join('\n    ')}`);
      return 'otherText';
    }
    count(walked.right);
    walked.examples.push(`RIGHT ${example}`);
    const { at: begin } = there;
    this.write(there.file, from, to - from, written);
    // It is still there, though it may have grown.
    there.at = begin;
    there.lines.splice(from - begin, to - from, ...written);
    if (there.lines.join('\n') === there.hunk.now.join('\n')) {
      walked.exact += 1;
      this.finish(there);
    }
    return 'right';
  }
}

/** In longer texts, a change may be a partial step by chance. */
const LONGEST = 400;

/** Whether the change is a step towards the wanted lines: their distance shrinks by its size. */
function isPartialStep(before: string, after: string, { hunk: { now } }: Pending): boolean {
  const count = after.split('\n').length;
  // Line breaks don't matter.
  const [was, is, whole] = [before, after, now.join('')].map((text) => text.replace(/\s+/g, ''));
  if (whole!.length <= LONGEST && is !== was && isBetween(was!, is!, whole!)) return true;
  return now.some((_, index) => {
    const wanted = now.slice(index, index + count).join('\n');
    return wanted === after || isBetween(before, after, wanted);
  });
}

const isBetween = (from: string, at: string, to: string) =>
  distance(from, at) + distance(at, to) === distance(from, to);

/** Numbers of common lines at the beginning and the end of two lists. */
function commonEnds(a: readonly string[], b: readonly string[]): [head: number, tail: number] {
  const most = Math.min(a.length, b.length);
  let [head, tail] = [0, 0];
  while (head < most && a[head] === b[head]) head += 1;
  while (tail < most - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  return [head, tail];
}
