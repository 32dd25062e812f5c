// What a person does with next edits: changes one place, goes to the others, takes them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { becomes, until } from './until.mjs';
import { writeFile } from './workplace.mjs';

const NAME = 'next.js';
const text = `function total(items, rate) {
  const sum = add(items);
  return rate * sum + items.length;
}
`;

export const nextEditScenarios = {
  async 'a parameter is renamed, and the key takes its other uses one by one'(workbench, place) {
    const { keyboard } = workbench.page;
    // In a new VS Code the tour opens by itself, and would take the letters.
    await becomes(() => workbench.page.getByText('A code model of your own').first().isVisible(), 10_000);
    writeFile(place.workspace, NAME, text);
    await workbench.openFile(NAME);
    await keyboard.press('Control+Home');
    await pressTimes(keyboard, 'ArrowRight', 'function total('.length);
    await pressTimes(keyboard, 'Shift+ArrowRight', 'items'.length);
    await keyboard.type('prices', { delay: 30 });

    await workbench.statusBar('2 next edits').waitFor();
    await until('what comes to be shown', async () => {
      if (!(await workbench.page.locator('.tab.active').filter({ hasText: NAME }).isVisible()))
        await workbench.openFile(NAME);
      return (await after(workbench)).includes('prices');
    });
    await workbench.screenshot('next-edit');
    assert.ok(saved(place).includes('add(items)'), 'nothing is written by itself');

    await take(workbench, '1 next edit');
    await until('the next place to be shown', async () => (await after(workbench)).includes('prices'));
    await take(workbench);
    await workbench.screenshot('next-edits-taken');
    await keyboard.press('Control+S');
    await until('the file to be saved', () => saved(place) === text.replaceAll('items', 'prices'));

    // The last one, and no more than that.
    await keyboard.press('Control+Z');
    await keyboard.press('Control+S');
    const undone = text.replace('(items,', '(prices,').replace('(items)', '(prices)');
    await until('one step to be undone', () => saved(place) === undone);
    await workbench.page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
  },
};

async function pressTimes(keyboard, key, times) {
  for (let count = 0; count < times; count += 1) await keyboard.press(key);
}

/** Goes to the place and takes what is offered; `left`: what the status bar says then, or nothing. */
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

/** The texts that decorations show after others. */
const after = ({ page }) =>
  page
    .locator(`.editor-instance .monaco-editor[data-uri$="/${NAME}"] .view-lines span`)
    .evaluateAll((spans) =>
      spans.map((span) => span.ownerDocument.defaultView.getComputedStyle(span, '::after').content).join(' '),
    );

const saved = (place) => readFileSync(join(place.workspace, NAME), 'utf8');
