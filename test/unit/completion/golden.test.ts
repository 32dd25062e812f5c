/** Golden files: a document with a cursor, the model's answer, and what is shown. See cases/*.txt. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  buildPrompt,
  cleanUp,
  createCompleter,
  gate,
  maxLinesAt,
  type CursorDocument,
} from '../../../src/completion/index.ts';

const CURSOR = '▮';
const folder = new URL('./cases/', import.meta.url);

interface Case {
  title: string;
  document: string;
  output: string;
  ghost: string;
}

function readCases(file: string): Case[] {
  const text = readFileSync(new URL(file, folder), 'utf8');
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const match = /^(.*)\n--- document\n([^]*?)\n--- output\n([^]*?)\n--- ghost\n([^]*?)\n?$/.exec(part);
      if (!match || match[2]!.split(CURSOR).length !== 2)
        throw new Error(`${file}: broken case "${part.slice(0, 60)}"`);
      return { title: match[1]!, document: match[2]!, output: match[3]!, ghost: match[4]! };
    });
}

/**
 * What an editor would show. The model is faked: its answer ends at a stop text, and does not include the healed text.
 */
function ghostText(document: CursorDocument, output: string): string {
  const reason = gate({ ...document, selections: [0] });
  if (reason) return `(not asked: ${reason})`;
  const maxLines = maxLinesAt(document);
  const ask = buildPrompt(document, { model: 'm', fillInTheMiddle: false, maxTokens: 64, maxLines });
  const stopped = ask.stop.reduce((text, stop) => text.split(stop)[0]!, output);
  const result = cleanUp(stopped, document, maxLines);
  return 'text' in result ? result.text : `(nothing: ${result.dropped})`;
}

/**
 * The same through the completer, with a model that streams single characters: the first suggestion and the final one.
 */
async function streamed(document: CursorDocument, output: string) {
  const completer = createCompleter({
    fillInTheMiddle: () => false,
    async request({ stop }, signal, onText) {
      const text = stop.reduce((rest, end) => rest.split(end)[0]!, output);
      for (const character of text) {
        await Promise.resolve();
        signal.throwIfAborted();
        onText(character);
      }
      return { text, finishReason: 'stop' };
    },
  });
  const ask = () => completer.complete({ ...document, adapter: 'm', maxTokens: 64, debounceMs: 0 });
  const first = await ask();
  await first?.more;
  return { first: first?.text, whole: (await ask())?.text };
}

const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
let total = 0;

describe.each(files)('%s', (file) => {
  const languageId = file.replace('.txt', '');
  const cases = readCases(file);
  total += cases.length;
  it.each(cases.map((one) => [one.title, one] as const))('%s', (_, { document, output, ghost }) => {
    const [before, after] = document.split(CURSOR) as [string, string];
    const at = { path: `a.${languageId}`, languageId, before, after };
    expect(ghostText(at, output)).toBe(ghost);
  });

  it('the same with a streamed answer', async () => {
    for (const { document, output, ghost } of cases) {
      const [before, after] = document.split(CURSOR) as [string, string];
      const { first, whole } = await streamed({ path: 'a', languageId, before, after }, output);
      if (first !== whole) expect(whole).toContain(first);
      // Streaming does not withdraw text that would not have been shown as a whole.
      if (!ghost.startsWith('(no')) expect(whole).toBe(ghost);
      else if (ghost.startsWith('(not asked')) expect(whole).toBeUndefined();
    }
  });

  it('the same in a file with Windows line ends', () => {
    for (const { document, output, ghost } of cases) {
      const [before, after] = document.replaceAll('\n', '\r\n').split(CURSOR) as [string, string];
      if (!before.includes('\n') && !after.includes('\n')) continue;
      const shown = ghostText({ path: 'a', languageId, before, after }, output);
      expect(shown).toBe(ghost.startsWith('(no') ? ghost : ghost.replaceAll('\n', '\r\n'));
    }
  });
});

it('there are enough cases', () => expect(total).toBeGreaterThanOrEqual(150));
