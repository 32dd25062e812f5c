/** Types a text into the file that is open, key by key, as a person does who types over what the editor closes. */
import type { Page } from 'playwright-core';
import { pauseOf } from './list.ts';
import { isListOpen } from './recorder.ts';

const TAB = 4;
/** The editor writes it when a comment of several lines begins, and does not let it be typed over. */
const COMMENT_END = ' */';

export interface Typed {
  /** The place in the text that each key came to. */
  offsets: number[];
  /** Lines that had not become what was typed, and were mended. */
  mended: number;
}

interface Manner {
  random: () => number;
  /** With rests at the ends of lines and now and then, as people make them; else without a stop. */
  pauses: boolean;
  isTypeScript: boolean;
}

export function typeText(page: Page, text: string, manner: Manner): Promise<Typed> {
  return new Typist(page, text, manner).type();
}

class Typist {
  readonly #page: Page;
  readonly #text: string;
  readonly #manner: Manner;
  readonly #typed: Typed = { offsets: [], mended: 0 };
  #offset = 0;
  #next = 0;

  constructor(page: Page, text: string, manner: Manner) {
    this.#page = page;
    this.#text = text;
    this.#manner = manner;
  }

  async type(): Promise<Typed> {
    while (this.#offset < this.#text.length) {
      const character = this.#text[this.#offset]!;
      if (character === '\n') await this.#newLine();
      else if (await this.#isClosedComment()) await this.#press('End', this.#offset + COMMENT_END.length);
      else {
        if (/[^\w\s]/.test(character)) await this.#closeListOfAnother();
        await this.#press(character, this.#offset + 1);
      }
    }
    await this.#checkLine();
    return this.#typed;
  }

  /** Presses a key when it is time; afterwards so much of the text is there. */
  async #press(key: string, offset = this.#offset): Promise<void> {
    await this.#page.waitForTimeout(Math.max(0, this.#next - Date.now()));
    this.#next = Date.now() + pauseOf(this.#manner.random) + this.#rest(key);
    this.#offset = offset;
    this.#typed.offsets.push(offset);
    await this.#page.keyboard.press(key);
  }

  /** What a person rests after a key, beside the pause between any two, ms. */
  #rest(key: string): number {
    const { random, pauses } = this.#manner;
    if (!pauses) return 0;
    const rests = random() < (key === 'Enter' ? 0.7 : 0.04);
    const length = 600 + 900 * random();
    return rests ? length : 0;
  }

  /** Marks take the entry on which the list stands, in TypeScript: a person closes the list where it is another one. */
  async #closeListOfAnother(): Promise<void> {
    if (!this.#manner.isTypeScript || !(await isListOpen(this.#page))) return;
    const word = /\w*$/.exec(this.#text.slice(0, this.#offset))![0];
    const focused = this.#page.locator('.suggest-widget .monaco-list-row.focused .label-name').first();
    const label = await focused.innerText({ timeout: 1000 }).catch(() => '');
    if (label !== word) await this.#press('Escape');
  }

  /** Goes on to the text's next line, which may be one that the editor has closed before. */
  async #newLine(): Promise<void> {
    if (await isListOpen(this.#page)) await this.#press('Escape');
    await this.#checkLine();
    const [next] = this.#text.slice(this.#offset + 1).split('\n') as [string];
    const indent = /^\s*/.exec(next)![0];
    const below = (await this.#line(this.#lineNumber + 1)) ?? '';
    const closed = common(next.trim(), below.trim());
    if (closed > 0 && /^[)\]}]/.test(next.trim())) {
      await this.#press('ArrowDown');
      await this.#press('Home');
      this.#offset += 1 + indent.length;
      for (let at = 0; at < closed; at += 1) await this.#press('ArrowRight', this.#offset + 1);
      return;
    }
    await this.#enter();
    if (next.trim() === '') return;
    const wanted = expand(indent).length;
    const indented = expand(/^\s*/.exec((await this.#line(this.#lineNumber)) ?? '')![0]).length;
    for (let width = indented; width > wanted; width -= TAB) await this.#press('Backspace');
    for (let width = indented; width < wanted; width += 1) await this.#press(' ');
    this.#offset += indent.length;
    this.#typed.offsets[this.#typed.offsets.length - 1] = this.#offset;
  }

  async #isClosedComment(): Promise<boolean> {
    if (!this.#text.startsWith(COMMENT_END, this.#offset)) return false;
    const before = this.#text.slice(0, this.#offset).split('\n').at(-1)!;
    return (await this.#line(this.#lineNumber)) === before + COMMENT_END;
  }

  /** Enter takes the list's entry where the list has opened in that moment: then the line is mended, and Enter pressed again. */
  async #enter(): Promise<void> {
    const wanted = this.#lineNumber + 1;
    await this.#press('Enter');
    while ((await this.#page.evaluate(drawn)).cursor !== wanted) {
      await this.#checkLine();
      await this.#press('Enter');
    }
    this.#offset += 1;
    this.#typed.offsets[this.#typed.offsets.length - 1] = this.#offset;
  }

  get #lineNumber(): number {
    return this.#text.slice(0, this.#offset).split('\n').length;
  }

  /** A line of the file as the editor has it, without ghost text; undefined beyond its end. */
  async #line(number: number): Promise<string | undefined> {
    return (await this.#page.evaluate(drawn)).lines[number];
  }

  /** Mends the line that was typed where the editor has made another one of it. */
  async #checkLine(): Promise<void> {
    const wanted = expand(this.#text.slice(0, this.#offset).split('\n').at(-1)!);
    const line = (await this.#line(this.#lineNumber)) ?? '';
    // What the editor has closed may follow.
    if (line.startsWith(wanted) && /^[\s)\]}]*$/.test(line.slice(wanted.length))) return;
    this.#typed.mended += 1;
    process.stderr.write(`mended: ${JSON.stringify(line)} to ${JSON.stringify(wanted)}\n`);
    if (await isListOpen(this.#page)) await this.#press('Escape');
    await this.#press('End');
    await this.#page.keyboard.press('Shift+Home');
    await this.#page.keyboard.press('Shift+Home');
    this.#typed.offsets.push(this.#offset, this.#offset);
    await this.#page.keyboard.insertText(this.#text.slice(0, this.#offset).split('\n').at(-1)!);
  }
}

/** How much two texts have in common at their beginnings. */
function common(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}

/** Tabs are drawn as spaces. */
const expand = (text: string) => text.replaceAll('\t', ' '.repeat(TAB));

/** Runs in the page, after what was typed is drawn: the lines that can be seen, by their numbers, and the cursor's. */
async function drawn(): Promise<{ lines: Record<number, string>; cursor: number | undefined }> {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  await frame();
  const editor = document.querySelector('.editor-instance .monaco-editor.focused')!;
  const numbers = new Map<string, number>();
  for (const number of editor.querySelectorAll('.margin-view-overlays .line-numbers'))
    numbers.set(number.parentElement!.style.top, Number(number.textContent));
  const lines: Record<number, string> = {};
  for (const line of editor.querySelectorAll<HTMLElement>('.lines-content > .view-lines > .view-line')) {
    const copy = line.cloneNode(true) as HTMLElement;
    for (const ghost of copy.querySelectorAll('[class*="ghost-text"]')) ghost.remove();
    const number = numbers.get(line.style.top);
    if (number) lines[number] = copy.textContent.replaceAll('\u00a0', ' ');
  }
  return {
    lines,
    cursor: numbers.get(editor.querySelector<HTMLElement>('.cursors-layer .cursor')!.style.top),
  };
}
