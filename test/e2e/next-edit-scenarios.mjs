// What a user does with next edits: changes one place, goes to the others, accepts them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.mjs';
import { SETTINGS, writeFile } from './workplace.mjs';

const NAME = 'next.js';
const text = `function total(items, rate) {
  const sum = add(items);
  return rate * sum + items.length;
}
`;

export const nextEditScenarios = {
  async 'a parameter is renamed, and the key renames its other uses one by one'(workbench, place) {
    const { keyboard } = workbench.page;
    await openTour(workbench);
    writeFile(place.workspace, NAME, text);
    await workbench.openFile(NAME);
    await keyboard.press('Control+Home');
    await pressTimes(keyboard, 'ArrowRight', 'function total('.length);
    await pressTimes(keyboard, 'Shift+ArrowRight', 'items'.length);
    await keyboard.type('prices', { delay: 30 });

    await workbench.statusBar('2 next edits').waitFor();
    await shown(workbench, 'prices', NAME);
    await workbench.screenshot('next-edit');
    assert.ok(saved(place).includes('add(items)'), 'nothing is written by itself');

    await take(workbench, '1 next edit');
    await until('the next place to be shown', async () =>
      (await workbench.decorations(NAME)).includes('prices'),
    );
    await take(workbench);
    await workbench.screenshot('next-edits-taken');
    await keyboard.press('Control+S');
    await until('the file to be saved', () => saved(place) === text.replaceAll('items', 'prices'));

    // Only the last one.
    await keyboard.press('Control+Z');
    await keyboard.press('Control+S');
    const undone = text.replace('(items,', '(prices,').replace('(items)', '(prices)');
    await until('one step to be undone', () => saved(place) === undone);
    await workbench.page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
  },

  async 'Tab goes to each place and applies it, in other files too, and undo restores the last one'(
    workbench,
    place,
  ) {
    const { keyboard } = workbench.page;
    await renameInTwoFiles(workbench, place);
    await shown(workbench, `⇥ Tab: next edit, line ${LINES + 4}`);
    await workbench.screenshot('next-edit-tab');

    for (const left of ['2 next edits', '1 next edit']) {
      await keyboard.press('Tab');
      await shown(workbench, '⇥ Tab applies');
      await workbench.screenshot(`next-edit-tab-applies-${left[0]}`);
      await keyboard.press('Tab');
      await workbench.statusBar(new RegExp(`${left}\\s*$`)).waitFor();
    }
    await shown(workbench, `⇥ Tab: next edit, ${OTHER}, line 1`);
    await workbench.screenshot('next-edit-tab-other-file');
    await keyboard.press('Tab');
    await shown(workbench, '⇥ Tab applies', OTHER);
    await keyboard.press('Tab');
    await workbench.statusBar(/next edit/).waitFor({ state: 'detached' });
    await savedAs(workbench, place, OTHER, renamed(otherFile));

    // Back to the text before it, where it is offered again; and to the text after it.
    await keyboard.press('Control+Z');
    await shown(workbench, '⇥ Tab applies', OTHER);
    await savedAs(workbench, place, OTHER, otherFile);
    await keyboard.press('Tab');
    await workbench.statusBar(/next edit/).waitFor({ state: 'detached' });
    await savedAs(workbench, place, OTHER, renamed(otherFile));
    await keyboard.press('Control+Z');
    await shown(workbench, '⇥ Tab applies', OTHER);
    await keyboard.press('Control+Shift+Z');
    await workbench.statusBar(/next edit/).waitFor({ state: 'detached' });
    await savedAs(workbench, place, OTHER, renamed(otherFile));

    await workbench.openFile(LONG);
    await savedAs(workbench, place, LONG, renamed(longFile));
  },

  async 'Tab inserts no white space when pressed fast, and indents again after Escape'(workbench, place) {
    const { keyboard } = workbench.page;
    await renameInTwoFiles(workbench, place);
    await shown(workbench, `⇥ Tab: next edit, line ${LINES + 4}`);
    await pressTimes(keyboard, 'Tab', 4);
    await shown(workbench, `⇥ Tab: next edit, ${OTHER}, line 1`);
    await savedAs(workbench, place, LONG, renamed(longFile));

    await keyboard.press('Escape');
    await workbench.statusBar(/next edit/).waitFor({ state: 'detached' });
    await keyboard.press('Tab');
    const [before, after] = renamed(longFile).split('priceOf(b)');
    await savedAs(
      workbench,
      place,
      LONG,
      new RegExp(`^${escaped(`${before}priceOf`)} +${escaped(`(b)${after}`)}$`),
    );
  },

  async 'a name of another file is written, and Tab adds its import while the cursor stays'(
    workbench,
    place,
  ) {
    const { keyboard } = workbench.page;
    await openTour(workbench);
    const [uses, defines] = ['uses.ts', 'prices.ts'];
    const before = '// Uses another file.\n';
    writeFile(place.workspace, 'tsconfig.json', '{ "compilerOptions": { "strict": true } }\n');
    writeFile(place.workspace, defines, 'export const priceOf = (item: string) => item.length;\n');
    writeFile(place.workspace, uses, before);
    await workbench.openFile(uses);
    await keyboard.press('Control+End');
    await keyboard.type("const price = priceOf('rose');", { delay: 30 });
    await shown(workbench, '⇥ Tab: Add import from', uses);
    await workbench.screenshot('next-edit-import');
    await keyboard.press('Tab');
    await workbench.statusBar(/next edit/).waitFor({ state: 'detached' });
    await keyboard.type(' // Here.');
    const line = "const price = priceOf('rose'); // Here.";
    await savedAs(
      workbench,
      place,
      uses,
      /^import \{ priceOf \} from ".\/prices";\n\n?\/\/ Uses another file\.\n/,
    );
    assert.ok(saved(place, uses).trimEnd().endsWith(line), saved(place, uses));
  },

  async 'a rename reaches three files, an argument the third call, an edit the rest of a test file'(
    workbench,
    place,
  ) {
    await openTour(workbench);
    for (const [name, text] of Object.entries(project)) writeFile(place.workspace, name, text);
    for (const name of [TESTED, REPORT, CART, PRICE]) await workbench.openFile(name);

    await replace(workbench, place, PRICE, 'worthOf', 'costOf');
    await offered(workbench, 11);
    await workbench.screenshot('next-edit-rename');
    await takeAll(workbench, 11);
    for (const name of [PRICE, CART, REPORT, TESTED]) {
      await workbench.openFile(name);
      await savedAs(workbench, place, name, project[name].replaceAll('worthOf', 'costOf'));
    }

    // Its errors say where something is missing, and not what.
    await replace(workbench, place, PRICE, 'item: string', 'item: string, rate: number');
    await errorsIn(workbench, CART, 3);
    await workbench.screenshot('next-edit-signature');
    assert.equal(await workbench.statusBar(/next edit/).count(), 0, 'nothing is offered');
    await replace(workbench, place, CART, "rose'", "rose', 2");
    await replace(workbench, place, CART, "tulip'", "tulip', 2");
    await offered(workbench, 1);
    await workbench.screenshot('next-edit-argument');
    // Once one was taken, those of the other files are offered too.
    await takeNext(workbench);
    await offered(workbench, 5);
    await takeAll(workbench, 5);
    for (const name of [CART, REPORT, TESTED]) {
      await workbench.openFile(name);
      await savedAs(workbench, place, name, /^(?!.*costOf\('\w+'\)).*costOf\('\w+', 2\)/s);
    }
    await errorsIn(workbench, CART, 0);

    await replace(workbench, place, TESTED, 'toBe', 'toEqual');
    await replace(workbench, place, TESTED, 'toBe', 'toEqual');
    await offered(workbench, 2);
    await workbench.screenshot('next-edit-test');
    await takeAll(workbench, 2);
    await savedAs(workbench, place, TESTED, /^(?!.*toBe)(.*toEqual){4}/s);
  },
};

const [PRICE, CART, REPORT, TESTED] = ['price.ts', 'cart.ts', 'report.ts', 'price.test.ts'];
// Names that no other scenario writes: its files may be left in the folder.
const project = {
  // A list or ghost text that opens or closes late, on a slow machine, would take Tab, or leave Escape to the offers.
  [SETTINGS]: `${JSON.stringify({
    'editor.quickSuggestions': false,
    'editor.suggestOnTriggerCharacters': false,
    'editor.parameterHints.enabled': false,
    'editor.inlineSuggest.enabled': false,
  })}\n`,
  'tsconfig.json': '{ "compilerOptions": { "strict": true } }\n',
  [PRICE]: 'export function worthOf(item: string) {\n  return item.length;\n}\n',
  [CART]: `import { worthOf } from './price';

export const bunch = worthOf('rose');
export const vase = worthOf('tulip');
export const pot = worthOf('cactus');
`,
  [REPORT]: `import { worthOf } from './price';

console.log('Today: ', worthOf('daisy'));
`,
  [TESTED]: `import { worthOf } from './price';

test('a rose', () => expect(worthOf('rose')).toBe(4));
test('a tulip', () => expect(worthOf('tulip')).toBe(5));
test('a daisy', () => expect(worthOf('daisy')).toBe(5));
test('a cactus', () => expect(worthOf('cactus')).toBe(6));
`,
};

/** Selects the first `before` of a saved file, types `after` over it, and saves. `before` begins with a letter. */
async function replace(workbench, place, name, before, after) {
  const { keyboard } = workbench.page;
  await workbench.openFile(name);
  const text = saved(place, name);
  const [line, column] = placeOf(text, before);
  await keyboard.press('Control+Home');
  await pressTimes(keyboard, 'ArrowDown', line);
  await pressTimes(keyboard, 'ArrowRight', column);
  await pressTimes(keyboard, 'Shift+ArrowRight', before.length);
  await keyboard.type(after, { delay: 30 });
  await savedAs(workbench, place, name, text.replace(before, after));
}

function placeOf(text, part) {
  const lines = text.slice(0, text.indexOf(part)).split('\n');
  return [lines.length - 1, lines.at(-1).length];
}

/** Opens a file, and waits until so many errors are underlined. */
async function errorsIn(workbench, name, count) {
  await workbench.openFile(name);
  const underlined = workbench.editor(name).locator('.squiggly-error');
  await until(`${count} errors in ${name}`, async () => (await underlined.count()) === count);
}

async function offered(workbench, count) {
  const wanted = new RegExp(`\\b${count} next edits?\\s*$`);
  let status = '';
  await until(
    () => `${count} next edits; the status bar says "${status}"`,
    async () => {
      [status = ''] = await workbench.statusBar(/next edit/).allInnerTexts();
      return wanted.test(status);
    },
  );
}

async function takeAll(workbench, count) {
  for (let left = count - 1; left >= 0; left -= 1) {
    await takeNext(workbench);
    if (left) await offered(workbench, left);
  }
  await workbench.statusBar(/next edit/).waitFor({ state: 'detached' });
}

/** Tab goes to the place, unless the cursor is there, and applies the offer. */
async function takeNext(workbench) {
  const shows = async (wanted) => (await workbench.decorations()).includes(wanted);
  const isHere = () => shows('⇥ Tab applies');
  await until('an offer to be shown', () => shows('⇥ Tab'));
  if (!(await isHere())) await workbench.page.keyboard.press('Tab');
  await until('the cursor to be there', isHere);
  await workbench.page.keyboard.press('Tab');
}

const [LONG, OTHER, LINES] = ['long.js', 'other.js', 80];
const longFile = `export function readPrice(item) {
  return item.price;
}
${'// Something else.\n'.repeat(LINES)}export const first = readPrice(a);
export const second = readPrice(b);
`;
const otherFile = `import { readPrice } from './${LONG}';
`;
const renamed = (code) => code.replaceAll('readPrice', 'priceOf');
const escaped = (code) => code.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A fresh VS Code opens it by itself, and it would swallow the keys; opening it once prevents that. */
async function openTour(workbench) {
  await workbench.command('Forget-Me-Not: Get Started');
  await workbench.page.getByText('A code model of your own').first().waitFor();
}

/** Renames a function at its definition: it is used twice far below, and in another open file. */
async function renameInTwoFiles(workbench, place) {
  const { keyboard } = workbench.page;
  await openTour(workbench);
  writeFile(place.workspace, LONG, longFile);
  writeFile(place.workspace, OTHER, otherFile);
  // On a slow machine, some files that are not open may be missing.
  await workbench.openFile(OTHER);
  await workbench.openFile(LONG);
  await keyboard.press('Control+Home');
  await pressTimes(keyboard, 'ArrowRight', 'export function '.length);
  await pressTimes(keyboard, 'Shift+ArrowRight', 'readPrice'.length);
  await keyboard.type('priceOf', { delay: 30 });
  await workbench.statusBar('3 next edits').waitFor();
  await outOfTheWay(workbench);
}

/** Closes a list or ghost text, as a user does. */
async function outOfTheWay({ page }) {
  for (const inTheWay of ['.suggest-widget.visible', '.editor-instance .ghost-text-decoration'])
    if (await page.locator(inTheWay).first().isVisible()) await page.keyboard.press('Escape');
}

/** A text that a decoration shows. */
const shown = (workbench, wanted, name = LONG) =>
  until(`"${wanted}" to be shown`, async () => (await workbench.decorations(name)).includes(wanted));

async function savedAs(workbench, place, name, wanted) {
  await workbench.page.keyboard.press('Control+S');
  await until(`${name} to be saved`, () => {
    const text = saved(place, name);
    return typeof wanted === 'string' ? text === wanted : wanted.test(text);
  });
  await workbench.page.locator('.tab.dirty').filter({ hasText: name }).waitFor({ state: 'detached' });
}

async function pressTimes(keyboard, key, times) {
  for (let count = 0; count < times; count += 1) await keyboard.press(key);
}

/** Goes to the place and accepts the offer; `left`: the status bar's text afterwards, or nothing. */
async function take(workbench, left) {
  const { keyboard } = workbench.page;
  const cursor = () => workbench.statusBar(/^\s*Ln \d/).innerText();
  const before = await cursor();
  await keyboard.press('Alt+]');
  await until('the cursor to be at the place', async () => (await cursor()) !== before);
  await keyboard.press('Tab');
  const status = workbench.statusBar(/next edit/);
  if (left) await workbench.statusBar(new RegExp(`${left}\\s*$`)).waitFor();
  else await status.waitFor({ state: 'detached' });
}

const saved = (place, name = NAME) => readFileSync(join(place.workspace, name), 'utf8');
