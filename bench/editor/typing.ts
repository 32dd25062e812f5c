/** Types a file of each language into VS Code, and says what was drawn meanwhile. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { uniform } from '../../src/statistics/random.ts';
import type { Language } from './code-state.ts';
import type { Editor, Place } from './driver.ts';
import { measureList } from './list.ts';
import { countEntries, entriesFrom, type Entry } from './recorder.ts';
import { judge, keysOf, suggestionsIn, take, type Judged, type Taken } from './suggestions.ts';
import { typeText } from './typist.ts';

/** What is typed, and words in another file with which the language's server and the model are warmed up. */
interface Task {
  file: string;
  warmUp: { file: string; line: number; words: readonly string[] };
}
export const tasks: Record<Language, Task> = {
  python: {
    file: 'python/lending/reminders.py',
    warmUp: { file: 'shelf.py', line: 22, words: ['loan', 'member', 'number'] },
  },
  typescript: {
    file: 'typescript/src/passage.ts',
    warmUp: { file: 'harbour.ts', line: 18, words: ['harbours', 'harbour'] },
  },
  go: { file: 'go/bill.go', warmUp: { file: 'queue.go', line: 22, words: ['queue', 'pages', 'customer'] } },
};

export interface Typing extends Taken {
  language: Language;
  keys: number;
  /** How often the list opened. */
  opened: number;
  suggestions: Judged[];
  /** Lines that the editor had made something else of, and that were mended. */
  mended: number;
}

export async function measureTyping(
  { workbench, page }: Editor,
  place: Place,
  language: Language,
  { seed, pauses }: { seed: number; pauses: boolean },
): Promise<Typing> {
  const { file, warmUp } = tasks[language];
  const text = (await readFile(`bench/editor/workspace/${file}.txt`, 'utf8')).trimEnd();
  await measureList(workbench, { name: '', ...warmUp }, { trials: 0, seed });
  await workbench.openFile(basename(file));
  const from = await countEntries(page);
  const isTypeScript = language === 'typescript';
  const { offsets, mended } = await typeText(page, text, { random: uniform(seed), pauses, isTypeScript });
  const entries = await entriesFrom(page, from);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+S');
  await page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
  requireSame(await readFile(join(place.workspace, file), 'utf8'), text, file);
  const suggestions = suggestionsIn(entries, offsets, text).map((one) => judge(one, text, language));
  return {
    ...{ language, keys: keysOf(text), mended, suggestions },
    opened: entries.filter((entry) => entry.kind === 'list' && entry.open).length,
    ...take(suggestions, text, (at) => offsets[keysBefore(entries, at) - 1] ?? 0),
  };
}

const keysBefore = (entries: readonly Entry[], time: number) =>
  entries.filter(({ kind, at }) => kind === 'key' && at <= time).length;

/** @throws if something else stands in the file than what was typed: then the figures are of another text */
function requireSame(typed: string, text: string, file: string): void {
  const lines = (all: string) =>
    all
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd());
  const [found, wanted] = [lines(typed), lines(text)];
  const wrong = wanted.findIndex((line, index) => line !== found[index]);
  if (wrong >= 0)
    throw new Error(
      `${file}, line ${wrong + 1}: ${JSON.stringify(found[wrong])} was typed for ${JSON.stringify(wanted[wrong])}.`,
    );
  if (found.length > wanted.length)
    process.stderr.write(`${file}: left over at its end: ${JSON.stringify(found.slice(wanted.length))}\n`);
}
