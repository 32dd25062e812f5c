/**
 * Chooses snippets of other files for the prompt: windows similar to the text around the cursor, imported files first.
 * They come first in the prompt, so a new choice keeps what is still right, because the model has it cached.
 */
import { importedStems, isImported } from '../code/imports.ts';
import { jaccard, SimilarWindows, distinctWords, type SimilarWindow } from './similar-windows.ts';
import { wellFormed } from '../code/text.ts';
import type { ContextFile, CursorDocument, OtherFile } from '../types.ts';

/** Characters around the cursor with which other files are compared: some 60 lines. */
const NEARBY_CHARACTERS = { before: 1800, after: 600 };
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

export class OtherFiles {
  private readonly similar = new SimilarWindows();
  /** The previous choice. */
  private chosen: readonly ContextFile[] = [];

  /** Snippets of `files` (most recent first), at most `budget` characters, the most useful first. */
  choose(document: CursorDocument, files: readonly OtherFile[], budget: number): readonly ContextFile[] {
    const { before, after, languageId, place } = document;
    const others = files.slice(0, MAX_FILES).filter(({ path }) => path !== place?.path);
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
    this.chosen = this.keepOrder(takeBest(ranked, document, budget), budget);
    return this.chosen;
  }

  /** Bonus for a snippet that is already in the prompt. */
  private bonus({ path, text }: OtherFile, { similarity }: SimilarWindow): number {
    const isChosen = this.chosen.some((snippet) => snippet.filename === path && text.includes(snippet.text));
    return isChosen ? similarity * (STICKINESS - 1) : 0;
  }

  /**
   * Snippets that stay keep their position, and their text if the file still contains it and there is room, because the
   * model has cached them.
   */
  private keepOrder(selected: readonly Selected[], budget: number): ContextFile[] {
    let room = budget - selected.reduce((sum, { part }) => sum + part.text.length, 0);
    const staying = this.chosen.flatMap((old) => {
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

  forget(): void {
    this.chosen = [];
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
