/** What the completion core shows of recorded answers, and whether it is right and whole. */
import { createCompleter, leastChance } from '../../src/completion/index.ts';
import { firstLine, isBlank, lastLine } from '../../src/completion/text.ts';
import type { Judge } from './parse.ts';
import type { Recording } from './record.ts';

export interface Figures {
  cursors: number;
  shown: number;
  /** Its first line, or all of it, is what stands there. */
  right: number;
  /** Of so many at which the statement that stands there can be judged, so many are whole. */
  judged: number;
  whole: number;
  /** Without three characters that are not white space or closers. */
  trivial: number;
  /** Its first line stands within eight lines. */
  repeats: number;
  characters: number;
  /** Characters of right suggestions, as far as they agree. */
  saved: number;
}

const NEAR = 8;
/** The default of the setting forgetMeNot.completion.maxTokens. */
const MOST_TOKENS = 64;

export async function measure(
  recordings: readonly Recording[],
  judge: Judge,
  tell: (text: string) => void,
): Promise<Figures> {
  const figures = { cursors: 0, shown: 0, right: 0, judged: 0, whole: 0, trivial: 0, repeats: 0 };
  const sums = { characters: 0, saved: 0 };
  for (const recording of recordings) {
    figures.cursors += 1;
    const text = await shownAt(recording);
    if (text === undefined) continue;
    const { document, truth, language } = recording;
    const { before, after } = document;
    const right = isRight(text, truth);
    figures.shown += 1;
    figures.right += Number(right);
    figures.trivial += Number(text.replace(/[\s)\]}>'"`:;,.]/g, '').length < 3);
    figures.repeats += Number(repeats(text, before, after));
    sums.characters += text.length;
    if (right) sums.saved += commonLength(text, truth);
    const isWhole = (of: string) => judge.endsWhole(language, before, of, after);
    if (!beginnings(truth).some(isWhole)) continue;
    figures.judged += 1;
    if (isWhole(text)) figures.whole += 1;
    else tell(`Not whole: ${JSON.stringify([before.slice(-60), text, after.slice(0, 30)])}`);
  }
  return { ...figures, ...sums };
}

async function shownAt({ document, pieces }: Recording): Promise<string | undefined> {
  const completer = createCompleter({
    debounceMs: 0,
    now: () => 0,
    fillInTheMiddle: () => true,
    maxTokens: () => MOST_TOKENS,
    async request(_, signal, onText) {
      for (const { text, logprob } of pieces) {
        await Promise.resolve();
        signal.throwIfAborted();
        onText(text, logprob);
      }
      return pieces.map(({ text }) => text).join('');
    },
  });
  const ask = () => completer.complete({ ...document, adapter: 'base', least: leastChance.likely });
  const first = await ask();
  return (await first?.more) ? (await ask())?.text : first?.text;
}

function isRight(text: string, truth: string): boolean {
  const [told, wanted] = [text, truth].map((one) => firstLine(one.trimStart()).trim());
  return truth.trimStart().startsWith(text.trim()) || told === wanted;
}

function commonLength(text: string, truth: string): number {
  let at = 0;
  while (at < text.length && text[at] === truth[at]) at += 1;
  return at;
}

function repeats(text: string, before: string, after: string): boolean {
  const line = (lastLine(before) + firstLine(text)).trim();
  const near = [...before.split('\n').slice(-NEAR - 1, -1), ...after.split('\n').slice(1, NEAR + 1)];
  return !isBlank(line) && /\w{3}/.test(line) && near.some((other) => other.trim() === line);
}

/** What stands up to each word of its line, but for a bracket that is opened at the line's end. */
function beginnings(truth: string): string[] {
  const line = firstLine(truth).replace(/\s*[{([]$/, '');
  return [...line.matchAll(/\w+|[^\s\w]/g)].map(({ 0: word, index }) => line.slice(0, index + word.length));
}
