// What a person does with completions: types through them, takes them piece by piece, changes the adapter, loses the server.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fineTune, newest, squeeze, TRAINING_MS, typeUntilGhostText, until } from './steps.mjs';
import { writeFile } from './workplace.mjs';

export const completionScenarios = {
  async 'completions are typed through, taken word by word, and the adapter is changed'(workbench, place) {
    const { keyboard } = workbench.page;
    await ensureTwoResults(workbench, place);
    await workbench.command('Forget-Me-Not: Use for Completion');
    await workbench.pick('Which result is to complete your code?', 'LoRA');
    await workbench.notification('completes your code now').waitFor();
    await workbench.dismissNotifications();

    writeFile(place.workspace, 'walk.js', '');
    await workbench.openFile('walk.js');
    // A letter: the editor closes brackets and quotes by itself.
    const ghost = await typeUntilGhostText(workbench, /^\w/);
    await keyboard.type(ghost.text[0]);
    const rest = () => shown(workbench);
    await until(
      'the rest of what was typed into',
      async () => squeeze(await rest()) === squeeze(ghost.text.slice(1)),
    );
    await keyboard.press('Control+ArrowRight');
    await until('a word to be taken', async () => (await rest()).length < ghost.text.length - 1);
    await workbench.screenshot('a-word-taken');
    if (await rest()) await keyboard.press('Tab');
    const saved = await save(workbench, place, 'walk.js');
    assert.ok(
      squeeze(saved).endsWith(squeeze(ghost.typed + ghost.text)),
      `${JSON.stringify(saved)} ends with ${JSON.stringify(ghost)}`,
    );

    const before = await inUse(workbench);
    await keyboard.press('Shift+Alt+M');
    await workbench.page.locator('.quick-input-widget input[placeholder*="Which adapter"]').waitFor();
    await keyboard.press('Enter');
    await workbench.notification('completes your code now').waitFor();
    await workbench.dismissNotifications();
    assert.notEqual(await inUse(workbench), before, 'another adapter is in use');
    await keyboard.press('Control+End');
    await typeUntilGhostText(workbench);
    await workbench.screenshot('other-adapter');
  },

  async 'the server dies in the middle of a request, and nobody is bothered'(workbench, place) {
    const { keyboard } = workbench.page;
    writeFile(place.workspace, 'lost.js', '');
    await workbench.openFile('lost.js');
    // Stopped, it takes the request and does not answer.
    signalServer(place, 'STOP');
    await keyboard.type('return registry.', { delay: 30 });
    const asking = workbench.page.locator('.statusbar-item .codicon-loading').first();
    await asking.waitFor();
    signalServer(place, 'KILL');
    const killed = Date.now();
    // Whether there is anything to show is the tiny model's to say.
    await asking.waitFor({ state: 'detached' });
    console.log(`      an answer ${((Date.now() - killed) / 1000).toFixed(1)} s after the server died`);
    await typeUntilGhostText(workbench);
    await workbench.screenshot('server-back');
    assert.equal(await workbench.page.locator('.notification-toast').count(), 0, 'no message');
  },

  async 'a result goes to other programs, and comes back as a run that can be used'(workbench, place) {
    await ensureTwoResults(workbench, place);
    const path = join(place.workspace, 'garden-adapter.gguf');
    await workbench.command('Forget-Me-Not: Export Result');
    await workbench.pick('Which result is to be exported?', 'LoRA');
    await workbench.pick('For which program?', 'GGUF adapter');
    await workbench.choosePath('Export as GGUF adapter', path);
    await workbench.notification('agrees with the trainer').waitFor({ timeout: TRAINING_MS });
    await workbench.screenshot('exported');
    assert.ok(existsSync(path));
    await workbench.dismissNotifications();

    await workbench.command('Forget-Me-Not: Import Adapter');
    await workbench.pick('What was saved?', 'A GGUF adapter');
    await workbench.choosePath('Adapter to Import', path);
    await workbench.pick('Which model was it made for?', 'tiny.gguf');
    await workbench.notificationButton('garden-adapter.gguf is a run now', 'Use for Completion');
    await workbench.notification('completes your code now').waitFor({ timeout: TRAINING_MS });
    await workbench.screenshot('imported');
    assert.equal(newest(place).spec.imported.from, path);
    await workbench.dismissNotifications();
  },

  async 'completion sleeps when told to, and leaves a language alone'(workbench, place) {
    await workbench.command('Forget-Me-Not: Snooze Completion');
    await workbench.pick('No completions for how long?', '5 minutes');
    await workbench.statusBar('snoozed until').waitFor();
    await workbench.command('Forget-Me-Not: End Snoozing of Completion');
    await workbench.statusBar('garden').waitFor();
    writeFile(place.workspace, 'notes.md', '');
    await workbench.openFile('notes.md');
    await workbench.command('Forget-Me-Not: Turn Completion On or Off for This Language');
    await workbench.statusBar('not in Markdown').waitFor();
    await workbench.command('Forget-Me-Not: Turn Completion On or Off for This Language');
    await workbench.statusBar('garden').waitFor();

    // The workspace says off: that is where "on" has to be written.
    const settings = '.vscode/settings.json';
    writeFile(place.workspace, settings, '{ "forgetMeNot.completion.enabled": false }');
    await workbench.statusBar('completion off').waitFor();
    await workbench.command('Forget-Me-Not: Turn Completion On');
    await workbench.statusBar('garden').waitFor();
    assert.match(readFileSync(join(place.workspace, settings), 'utf8'), /enabled": true/);

    // What was taken in walk.js counts as kept once its file is closed.
    await workbench.command('File: Save All Files');
    await workbench.command('View: Close All Editors');
    await workbench.command('Forget-Me-Not: Show Results');
    const table = workbench.panel().locator('.acceptance tbody');
    await table.waitFor({ timeout: 60_000 });
    const counted = /[1-9]\d* of [1-9]\d*: .* of [1-9]\d*: /;
    await until('what was kept', async () => counted.test(await table.innerText()));
    await table.scrollIntoViewIfNeeded();
    await workbench.screenshot('acceptance');
  },
};

/** Alone (run.mjs with a scenario's name), it makes its own runs. */
async function ensureTwoResults(workbench, place) {
  while (place.runs().filter(({ state }) => state.status === 'done').length < 2) {
    // Of their own lengths: runs of the same steps in the same minute look alike in a list.
    await fineTune(workbench, 120 + 20 * place.runs().length);
    await workbench.notification('Show Results').waitFor({ timeout: TRAINING_MS });
    await workbench.dismissNotifications();
  }
}

const shown = async (workbench) => (await workbench.ghostText().allInnerTexts()).join('');

async function save({ page }, place, name) {
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+S');
  return until('the file to be saved', () => readFileSync(join(place.workspace, name), 'utf8'));
}

/** The row that the list of adapters calls the one in use. */
async function inUse(workbench) {
  await workbench.command('Forget-Me-Not: Switch Adapter');
  const row = workbench.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'in use' });
  const text = await row.innerText();
  await workbench.page.keyboard.press('Escape');
  return text;
}

function signalServer({ base }, signal) {
  const { status } = spawnSync('pkill', [`-${signal}`, '-f', `server.mjs --base ${base}`]);
  assert.equal(status, 0, 'the server is there');
}
