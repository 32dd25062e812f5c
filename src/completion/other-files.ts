/**
 * What of other files the model sees: windows like the text around the cursor, first of files that are imported. They stand
 * before all else in the prompt, so the choice is kept while someone types on: the engine has read it already.
 */
import { importedStems, isImported } from './imports.ts';
import { jaccard, SimilarWindows, wordsOf, type SimilarWindow } from './similar-windows.ts';
import { wellFormed } from './text.ts';
import type { ContextFile, CursorDocument, OtherFile } from './types.ts';
import { lengthsOf } from './window.ts';

/** Of the text around the cursor, what others are compared with: some 60 lines. */
const NEAR = { before: 1800, after: 600 };
/** Characters that the cursor may move before another choice is thought of: some 32 lines. */
const MOVE = 1200;
/** So is it after this many requests: files have changed. */
const REQUESTS = 30;
const LEAST_SIMILARITY = 0.1;
/** An imported file comes before one that is this much more similar. */
const IMPORTED = 0.15;
/** Two windows that share so many words say the same. */
const SAME = 0.9;
/** What was chosen stays unless another is this many times as similar. */
const STAYS = 1.3;
const MOST_FILES = 20;
/** Less of a file than this tells nothing. */
const LEAST_CHARACTERS = 120;

interface Choice {
  path: string;
  at: number;
  requests: number;
  budget: number;
  chosen: readonly ContextFile[];
}

export class OtherFiles {
  private readonly similar = new SimilarWindows();
  private last: Choice | undefined;

  /**
   * Parts of `files` (the most recent first) in at most `budget` characters, the most useful first. `files` is asked
   * only when a new choice is due.
   */
  choose(
    document: CursorDocument,
    files: () => readonly OtherFile[],
    budget: number,
  ): readonly ContextFile[] {
    const { path } = document;
    const at = lengthsOf(document).before;
    const { last } = this;
    if (last?.path === path && last.budget === budget) {
      last.requests += 1;
      if (Math.abs(last.at - at) < MOVE && last.requests < REQUESTS) return last.chosen;
    }
    const chosen = this.chooseAnew(document, files().slice(0, MOST_FILES), budget);
    this.last = { path, at, requests: 0, budget, chosen };
    return chosen;
  }

  private chooseAnew(
    document: CursorDocument,
    files: readonly OtherFile[],
    budget: number,
  ): readonly ContextFile[] {
    const { before, after, languageId, place } = document;
    const others = files.filter(({ path }) => path !== place?.path);
    const around = wordsOf(before.slice(-NEAR.before) + after.slice(0, NEAR.after));
    const stems = importedStems(before, languageId);
    const ranked: Ranked[] = [];
    for (const file of others) {
      const window = this.similar.best(file, around);
      if (!window) continue;
      const score = window.similarity + (isImported(file, stems) ? IMPORTED : 0) + this.bonus(file, window);
      if (score >= LEAST_SIMILARITY) ranked.push({ file, window, score });
    }
    ranked.sort((a, b) => b.score - a.score);
    return this.inOrder(take(ranked, document, budget));
  }

  /** For what is in the prompt already. */
  private bonus({ path, text }: OtherFile, { similarity }: SimilarWindow): number {
    const held = this.last?.chosen.some((one) => one.filename === path && text.includes(one.text));
    return held ? similarity * (STAYS - 1) : 0;
  }

  /** What stays keeps its place, and its text where that still stands: what comes before it is read already. */
  private inOrder(taken: readonly Taken[]): ContextFile[] {
    const before = this.last?.chosen ?? [];
    const staying = before.flatMap((old) => {
      const one = taken.find(({ file }) => file.path === old.filename);
      return one ? [one.file.text.includes(old.text) ? old : one.part] : [];
    });
    const kept = new Set(staying.map(({ filename }) => filename));
    return [...staying, ...taken.flatMap(({ part }) => (kept.has(part.filename) ? [] : [part]))];
  }

  forget(): void {
    this.last = undefined;
  }
}

interface Ranked {
  file: OtherFile;
  window: SimilarWindow;
  score: number;
}
interface Taken {
  file: OtherFile;
  part: ContextFile;
}

/** From the best on, as long as there is room; nothing twice. */
function take(ranked: readonly Ranked[], { before, after }: CursorDocument, budget: number): Taken[] {
  const taken: Taken[] = [];
  const seen = [wordsOf(before.slice(-NEAR.before) + after.slice(0, NEAR.after))];
  let room = budget;
  for (const { file, window } of ranked) {
    if (room < LEAST_CHARACTERS) break;
    const text = wholeLines(file.text.slice(window.from, window.to), room);
    const words = wordsOf(text);
    if (text.length < LEAST_CHARACTERS && window.to - window.from > room) continue;
    if (text === '' || seen.some((other) => jaccard(words, other) > SAME)) continue;
    seen.push(words);
    taken.push({ file, part: { filename: file.path, text: wellFormed(text) } });
    room -= text.length;
  }
  return taken;
}

/** As many whole lines from the beginning as fit, with one kind of line end, and one at the end. */
function wholeLines(text: string, room: number): string {
  const unix = text.replaceAll('\r\n', '\n');
  const whole = unix.endsWith('\n') ? unix : `${unix}\n`;
  return whole.length <= room ? whole : whole.slice(0, whole.lastIndexOf('\n', room - 1) + 1);
}
