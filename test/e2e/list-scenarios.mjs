// VS Code's own suggestion list alongside completion, with VS Code's default settings and with those a user may have.
import assert from 'node:assert/strict';
import { signalServer, typeUntilGhostText, useResult } from './steps.mjs';
import { becomes, until } from './until.mjs';
import { SETTINGS, writeFile } from './workplace.mjs';

/** A model that learned another workspace can't know what follows such names. */
const text = `const zebraCrossing = new Map();
const quietAfternoon = [];
const wobblyUmbrella = 'umbrella';

`;

export const listScenarios = {
  async 'the suggestion list opens alongside completion'(workbench, place) {
    await useResult(workbench, place);
    await openAt(workbench, place, 'list.js');
    for (const [typed, entry] of [
      ['zeb', 'zebraCrossing'],
      ['qui', 'quietAfternoon'],
      ['wob', 'wobblyUmbrella'],
    ])
      await listOpens(workbench, typed, entry);
    await listOpens(workbench, 'zebraCrossing.', 'clear');
    await workbench.screenshot('list');
    // Tab accepts the list's entry.
    await workbench.page.keyboard.press('Tab');
    await until('the entry to be taken', async () =>
      (await drawn(workbench)).includes('zebraCrossing.clear'),
    );
  },

  async 'the suggestion list opens while the server is slow, and completion follows'(workbench, place) {
    await useResult(workbench, place);
    await openAt(workbench, place, 'slow.js');
    signalServer(place, 'SIGSTOP');
    try {
      await listOpens(workbench, 'zeb', 'zebraCrossing');
      await listOpens(workbench, 'quietAfternoon.', 'at');
    } finally {
      signalServer(place, 'SIGCONT');
    }
    await typeUntilGhostText(workbench);
  },

  async 'suggestion settings of the user apply'(workbench, place) {
    await useResult(workbench, place);
    writeFile(place.workspace, SETTINGS, '{ "editor.quickSuggestions": { "other": "off" } }');
    await openAt(workbench, place, 'settings.js');
    // The editor reads its settings asynchronously.
    await until('the list to stay closed', async () => {
      await typeOnNewLine(workbench, 'zeb');
      return !(await becomes(() => workbench.list().isVisible(), 3000));
    });
    await workbench.clear();

    writeFile(place.workspace, SETTINGS, '{ "editor.inlineSuggest.enabled": false }');
    await openAt(workbench, place, 'settings.js');
    await until('a key to ask nothing', async () => {
      await typeOnNewLine(workbench, 'zeb');
      if (!(await becomes(() => workbench.asking().isVisible(), 2000))) return true;
      await workbench.asking().waitFor({ state: 'detached' });
      return false;
    });
    signalServer(place, 'SIGSTOP');
    try {
      await listOpens(workbench, 'zeb', 'zebraCrossing');
      // The server accepts a request and does not answer, so a request would stay pending.
      assert.equal(await workbench.asking().isVisible(), false, 'nothing is asked');
      await listOpens(workbench, 'quietAfternoon.', 'at');
      assert.equal(await workbench.asking().isVisible(), false, 'nothing is asked');
    } finally {
      signalServer(place, 'SIGCONT');
    }
  },
};

/** A new file with known names, the cursor at its end. */
async function openAt(workbench, place, name) {
  writeFile(place.workspace, name, text);
  await workbench.openFile(name);
  await workbench.page.keyboard.press('Control+End');
}

/** Types into a new line at the end. */
async function typeOnNewLine(workbench, typed) {
  await workbench.closeList();
  await workbench.page.keyboard.press('Control+End');
  await workbench.page.keyboard.press('Enter');
  await workbench.type(typed);
}

/** Types into a new line, and sees the list open with an entry from the language service. */
async function listOpens(workbench, typed, entry) {
  await typeOnNewLine(workbench, typed);
  const row = workbench.page
    .locator('.suggest-widget.visible .monaco-list-row')
    .filter({ hasText: entry })
    .first();
  await until(`the list to open with ${entry} after "${typed}"`, () => row.isVisible());
}

const drawn = ({ page }) => page.locator('.editor-instance .view-lines').innerText();
