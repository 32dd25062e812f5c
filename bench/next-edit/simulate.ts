/**
 * Makes the changes of one file like a user, from top to bottom, and checks after each one what is offered next. Right
 * offers are accepted; the rest are rejected and not shown again.
 */
import { distance } from 'fastest-levenshtein';
import {
  candidatesIn,
  findOffers,
  Refusals,
  shownLines,
  type Candidate,
  type Edit,
  type Offer,
} from '../../src/next-edit/index.ts';

/** Replaced lines. `at`: the first of them, from 0; for an insertion, the line before which it is made. */
export interface Hunk {
  at: number;
  old: readonly string[];
  now: readonly string[];
}

/** A file's changes from one release to the next. */
export interface FileStep {
  path: string;
  languageId: string;
  before: string;
  hunks: readonly Hunk[];
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
  /** Number of requests to the model. */
  requests: number;
  asked: JudgedOffer[];
  examples: string[];
}

export type Verdict = 'right' | 'otherText' | 'elsewhere';
/** The verdict on an offer of the model, and its log-likelihood. */
export interface JudgedOffer {
  logprob: number;
  verdict: Verdict;
}

/** What the model offers at a place. */
export type AskModel = (candidate: Candidate) => Promise<{ offer: Offer; logprob: number } | undefined>;

interface Pending {
  hunk: Hunk;
  /** Current position of its lines. */
  at: number;
  lines: string[];
  found: boolean;
}

/** `ask`: asks a model about places for which the rules have no answer. */
export function walk(step: FileStep, ask?: AskModel): Promise<Walked> {
  return new Walk(step, ask).run();
}

class Walk {
  private lines: string[];
  private edits: Edit[] = [];
  private readonly pending: Pending[];
  private readonly refusals = new Refusals();
  private readonly walked: Walked;
  private time = 0;
  /** Places that the model was already asked about, identified by edit and line. */
  private readonly asked = new Set<string>();

  constructor(
    private readonly step: FileStep,
    private readonly ask: AskModel | undefined,
  ) {
    this.lines = step.before.split('\n');
    this.pending = step.hunks.map((hunk) => ({ hunk, at: hunk.at, lines: [...hunk.old], found: false }));
    const none = { right: {}, otherText: {}, elsewhere: {}, requests: 0, asked: [], examples: [] };
    this.walked = { following: step.hunks.length - 1, found: 0, exact: 0, ...none };
  }

  async run(): Promise<Walked> {
    while (this.pending.length > 0) {
      const next = this.pending.shift()!;
      if (this.edits.length > 0 && !next.found) this.reportMissed(next);
      this.write(next.at, next.lines.length, next.hunk.now);
      do this.takeOffers(next.at);
      while (await this.takeFromModel(next.at));
    }
    return this.walked;
  }

  private reportMissed({ at, lines, hunk }: Pending): void {
    const signed = (sign: string, all: readonly string[]) => all.map((line) => `  ${sign} ${line}`);
    const example = [`MISSED ${this.step.path}:${at + 1}`, ...signed('-', lines), ...signed('+', hunk.now)];
    this.walked.examples.push(example.join('\n'));
  }

  /** Replaces lines, and records it as an edit. */
  private write(at: number, count: number, now: readonly string[]): void {
    const begin = this.offsetOf(at);
    const before = this.lines.slice(at, at + count);
    this.lines.splice(at, count, ...now);
    const grown = now.length - count;
    for (const edit of this.pending) if (edit.at >= at + count) edit.at += grown;
    // As in an editor, an existing line is changed, so that an edit never replaces an empty text.
    const length = this.lines.slice(at, at + now.length).join('\n').length;
    const oldLength = before.join('\n').length;
    for (const edit of this.edits) if (edit.at > begin) edit.at += length - oldLength + grown;
    const { path, languageId } = this.step;
    this.edits.push(this.widened({ path, languageId, at, before, now: [...now] }));
  }

  /** An edit of whole lines; insertions and deletions include the line above or below. */
  private widened(change: {
    path: string;
    languageId: string;
    at: number;
    before: string[];
    now: string[];
  }): Edit {
    const { path, languageId } = change;
    let { at, before, now } = change;
    if (before.length === 0 || now.length === 0) {
      const above = this.lines[at - 1];
      const below = this.lines[at + now.length];
      if (above !== undefined) [at, before, now] = [at - 1, [above, ...before], [above, ...now]];
      else if (below !== undefined)
        [before, now] = [
          [...before, below],
          [...now, below],
        ];
    }
    const edit = { path, languageId, before: before.join('\n'), after: now.join('\n') };
    return { ...edit, at: this.offsetOf(at), time: (this.time += 1) };
  }

  private offsetOf(line: number): number {
    let at = 0;
    for (let i = 0; i < line; i += 1) at += this.lines[i]!.length + 1;
    return at;
  }

  private takeOffers(line: number): void {
    while (this.takeOne(line));
  }

  /** Returns whether an offer was accepted. Those before it are rejected. */
  private takeOne(line: number): boolean {
    const text = this.lines.join('\n');
    const { path, languageId } = this.step;
    const options = { path, place: this.offsetOf(line), unwanted: this.refusals.unwanted };
    for (const offer of findOffers(this.edits, [{ path, languageId, text }], options)) {
      const shown = shownLines(text, offer.parts);
      if (this.refusals.isRefused(offer, shown)) continue;
      if (this.judge(offer, shown) === 'right') {
        this.refusals.recordAccepted(offer);
        return true;
      }
      this.refusals.recordRefused(offer, shown);
    }
    return false;
  }

  /** Returns whether an offer of the model was accepted. */
  private async takeFromModel(line: number): Promise<boolean> {
    if (!this.ask || this.pending.length === 0) return false;
    const text = this.lines.join('\n');
    const { path, languageId } = this.step;
    const options = { path, place: this.offsetOf(line) };
    for (const candidate of candidatesIn(this.edits, [{ path, languageId, text }], options)) {
      const { example, place } = candidate;
      const key = [example.line, example.after, ...place.above, place.line].join('\n');
      if (this.asked.has(key)) continue;
      this.asked.add(key);
      this.walked.requests += 1;
      const answer = await this.ask(candidate);
      if (!answer) continue;
      const shown = shownLines(text, answer.offer.parts);
      if (this.refusals.isRefused(answer.offer, shown)) continue;
      const { logprob } = answer;
      const verdict = this.judge(answer.offer, shown, ` (${logprob.toFixed(2)})`);
      this.walked.asked.push({ logprob, verdict });
      const isRight = verdict === 'right';
      if (isRight) this.refusals.recordAccepted(answer.offer);
      else this.refusals.recordRefused(answer.offer, shown);
      if (isRight) return true;
    }
    return false;
  }

  /** Accepts the offer if it is right. */
  private judge(offer: Offer, shown: { before: string; after: string }, note = ''): Verdict {
    const { walked } = this;
    const [before, after] = [shown.before.split('\n'), shown.after.split('\n')];
    const at = offer.line;
    const [head, tail] = commonEnds(before, after);
    const [from, to] = [at + head, at + before.length - tail];
    const there = this.pending.find(
      ({ at: begin, lines }) =>
        from >= begin && to <= begin + lines.length && (lines.length > 0 || from === begin),
    );
    const example = `${offer.why}${note} ${this.step.path}:${at + 1}\n  - ${shown.before}\n  + ${shown.after}`;
    const count = (of: Record<string, number>) => (of[offer.why] = (of[offer.why] ?? 0) + 1);
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
    this.write(from, to - from, written);
    there.lines.splice(from - there.at, to - from, ...written);
    // What is before it was moved by `write` only if it is below.
    if (there.lines.join('\n') === there.hunk.now.join('\n')) {
      walked.exact += 1;
      this.pending.splice(this.pending.indexOf(there), 1);
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
