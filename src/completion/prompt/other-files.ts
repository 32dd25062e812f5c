/**
 * Chooses snippets of other files for the prompt: windows similar to the text around the cursor, imported files first.
 * They come first in the prompt, so the choice is kept while typing, because the model has them cached.
 */
import { importedStems, isImported } from '../code/imports.ts';
import { jaccard, SimilarWindows, distinctWords, type SimilarWindow } from './similar-windows.ts';
import { wellFormed } from '../code/text.ts';
import type { ContextFile, CursorDocument, OtherFile } from '../types.ts';
import { fullLengths } from './window.ts';

/** Characters around the cursor with which other files are compared: some 60 lines. */
const NEARBY_CHARACTERS = { before: 1800, after: 600 };
/** Characters the cursor may move before a new choice: some 32 lines. */
const MOVE = 1200;
/** Requests before a new choice, because files may have changed. */
const REQUESTS = 30;
const MIN_SIMILARITY = 0.1;
/** Bonus of an imported file, in units of similarity. */
const IMPORTED = 0.15;
/** Windows at least this similar are considered the same. */
const SAME = 0.9;
/** A chosen snippet stays unless another is this many times as similar. */
const STICKINESS = 1.3;
/** Only this many files, the most recent ones, are looked at. */
export const MAX_FILES = 20;
/** A shorter snippet is useless. */
const MIN_CHARACTERS = 120;

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
   * Snippets of `files` (most recent first), at most `budget` characters, the most useful first. `files` is called only
   * for a new choice.
   */
  choose(
    document: CursorDocument,
    files: () => readonly OtherFile[],
    budget: number,
  ): readonly ContextFile[] {
    const { path } = document;
    const at = fullLengths(document).before;
    const { last } = this;
    if (last?.path === path && last.budget === budget) {
      last.requests += 1;
      if (Math.abs(last.at - at) < MOVE && last.requests < REQUESTS) return last.chosen;
    }
    const chosen = this.rechoose(document, files().slice(0, MAX_FILES), budget);
    this.last = { path, at, requests: 0, budget, chosen };
    return chosen;
  }

  private rechoose(
    document: CursorDocument,
    files: readonly OtherFile[],
    budget: number,
  ): readonly ContextFile[] {
    const { before, after, languageId, place } = document;
    const others = files.filter(({ path }) => path !== place?.path);
    const around = distinctWords(
      before.slice(-NEARBY_CHARACTERS.before) + after.slice(0, NEARBY_CHARACTERS.after),
    );
    const stems = importedStems(before, languageId);
    const ranked: Ranked[] = [];
    for (const file of others) {
      const window = this.similar.best(file, around);
      if (!window) continue;
      const score = window.similarity + (isImported(file, stems) ? IMPORTED : 0) + this.bonus(file, window);
      if (score >= MIN_SIMILARITY) ranked.push({ file, window, score });
    }
    ranked.sort((a, b) => b.score - a.score);
    return this.keepOrder(takeBest(ranked, document, budget), budget);
  }

  /** Bonus for a snippet that is already in the prompt. */
  private bonus({ path, text }: OtherFile, { similarity }: SimilarWindow): number {
    const isChosen = this.last?.chosen.some(
      (snippet) => snippet.filename === path && text.includes(snippet.text),
    );
    return isChosen ? similarity * (STICKINESS - 1) : 0;
  }

  /**
   * Snippets that stay keep their position, and their text if the file still contains it and there is room, because the
   * model has cached them.
   */
  private keepOrder(selected: readonly Selected[], budget: number): ContextFile[] {
    const before = this.last?.chosen ?? [];
    let room = budget - selected.reduce((sum, { part }) => sum + part.text.length, 0);
    const staying = before.flatMap((old) => {
      const again = selected.find(({ file }) => file.path === old.filename);
      if (!again) return [];
      const longer = old.text.length - again.part.text.length;
      if (longer > room || !again.file.text.includes(old.text)) return [again.part];
      room -= longer;
      return [old];
    });
    const kept = new Set(staying.map(({ filename }) => filename));
    return [...staying, ...selected.flatMap(({ part }) => (kept.has(part.filename) ? [] : [part]))];
  }

  /** Chooses anew at the next call, and keeps what is still right. */
  expire(): void {
    if (this.last) this.last.requests = REQUESTS;
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
interface Selected {
  file: OtherFile;
  part: ContextFile;
}

/** Takes the best windows while there is room, without near-duplicates. */
function takeBest(ranked: readonly Ranked[], { before, after }: CursorDocument, budget: number): Selected[] {
  const selected: Selected[] = [];
  const seen = [
    distinctWords(before.slice(-NEARBY_CHARACTERS.before) + after.slice(0, NEARBY_CHARACTERS.after)),
  ];
  let room = budget;
  for (const { file, window } of ranked) {
    if (room < MIN_CHARACTERS) break;
    const text = completeLines(file.text.slice(window.from, window.to), room);
    const words = distinctWords(text);
    if (text.length < MIN_CHARACTERS && window.to - window.from > room) continue;
    if (text === '' || seen.some((other) => jaccard(words, other) > SAME)) continue;
    seen.push(words);
    selected.push({ file, part: { filename: file.path, text: wellFormed(text) } });
    room -= text.length;
  }
  return selected;
}

/** As many complete lines from the start as fit; each line, including the last, ends with "\n". */
function completeLines(text: string, room: number): string {
  const unix = text.replaceAll('\r\n', '\n');
  const whole = unix.endsWith('\n') ? unix : `${unix}\n`;
  return whole.length <= room ? whole : whole.slice(0, whole.lastIndexOf('\n', room - 1) + 1);
}
