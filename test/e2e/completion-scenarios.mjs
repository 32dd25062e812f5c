// What a user does with completions: types through them, accepts them piece by piece, switches the adapter, loses the
// server.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { squeeze } from './browser.mjs';
import {
  acceptGhostText,
  answered,
  ensureResults,
  newest,
  saveAndCheck,
  shown,
  signalServer,
  TRAINING_MS,
  typeUntilGhostText,
  useResult,
} from './steps.mjs';
import { becomes, until } from './until.mjs';
import { SETTINGS, writeFile } from './workplace.mjs';

export const completionScenarios = {
  async 'the first minutes: the tour, and completion before any training'(workbench, place) {
    const { page } = workbench;
    await workbench.command('Forget-Me-Not: Get Started');
    await page.getByText('A code model of your own').first().waitFor();
    const button = page.getByRole('button', { name: 'Turn It On' }).first();
    // The tour opens at the first unfinished step: a different one, if something was already trained.
    await until('the first step of the tour', async () => {
      if (await becomes(() => button.isVisible(), 2000)) return true;
      await page.getByText('Try it', { exact: true }).first().click();
      return false;
    });
    await workbench.screenshot('get-started');
    await button.click();
    await workbench.notification('completes your code now');
    await workbench.statusBar('tiny').waitFor();
    await workbench.dismissNotifications();

    writeFile(place.workspace, 'untuned.js', '');
    await workbench.openFile('untuned.js');
    await workbench.type('return registry.');
    // It knows nothing about this code, so the test can only check that it answers.
    await answered(workbench, 10_000);
    assert.equal(await workbench.statusBar('tiny').locator('.codicon-warning').count(), 0);
    await workbench.screenshot('untuned');
    await page.keyboard.press('Control+S');
    await page.locator('.tab.dirty').first().waitFor({ state: 'detached' });

    await ensureResults(workbench, place, 1);
    await workbench.commandAndPick(
      'Forget-Me-Not: Switch Adapter',
      'Which adapter should complete your code from now on?',
      'LoRA',
    );
    await workbench.notification('completes your code now');
    await workbench.statusBar('garden').waitFor();
    await workbench.commandAndPick(
      'Forget-Me-Not: Switch Adapter',
      'Which adapter should complete your code from now on?',
      'not fine-tuned',
    );
    await workbench.statusBar('tiny').waitFor();
  },

  async 'completions are typed through, accepted word by word, and the adapter is switched'(
    workbench,
    place,
  ) {
    const { keyboard } = workbench.page;
    await ensureResults(workbench, place, 2);
    await useResult(workbench, place);

    writeFile(place.workspace, 'walk.js', '');
    await workbench.openFile('walk.js');
    // A letter, because the editor closes brackets and quotes by itself.
    const ghost = await typeUntilGhostText(workbench, /^\w./);
    await keyboard.type(ghost.text[0]);
    await until('the rest of what was typed into', async () => {
      await workbench.closeList();
      return squeeze(await shown(workbench)) === squeeze(ghost.text.slice(1));
    });
    await keyboard.press('Control+ArrowRight');
    const isShorter = async () => (await shown(workbench)).length < ghost.text.length - 1;
    await until('a word to be taken', isShorter);
    const rest = await answered(workbench);
    await workbench.screenshot('a-word-taken');
    if (rest) await keyboard.press('Tab');
    await saveAndCheck(workbench, place, 'walk.js', ghost);

    const before = await inUse(workbench);
    await workbench.focusEditor('walk.js');
    await keyboard.press('Shift+Alt+M');
    await workbench.asked.enterFirst('Which adapter');
    await workbench.notification('completes your code now');
    await workbench.dismissNotifications();
    assert.notEqual(await inUse(workbench), before, 'another adapter is in use');
    await workbench.focusEditor('walk.js');
    await typeUntilGhostText(workbench);
    await workbench.screenshot('other-adapter');
  },

  async 'by turns: a result is compared with consent, and nothing shows whose turn it is'(workbench, place) {
    await useResult(workbench, place);
    await workbench.command('Forget-Me-Not: Compare While I Work');
    await workbench.page.getByText('while you work?').waitFor();
    await workbench.screenshot('by-turns-question');
    await workbench.confirm('while you work?', 'Compare');
    /** What was counted, of whichever run is in use. */
    const lines = () =>
      place
        .runs()
        .map(({ dir }) => join(dir, 'by-turns.jsonl'))
        .filter((file) => existsSync(file))
        .map((file) => readFileSync(file, 'utf8'))
        .join('');
    const counted = (text) => until(text, () => lines().includes(text));
    await counted('"begun"');

    writeFile(place.workspace, 'turns.js', '');
    await workbench.openFile('turns.js');
    await workbench.type('return registry.');
    await workbench.statusBar('garden').waitFor();
    assert.doesNotMatch(await workbench.statusBar('garden').innerText(), /\d ms/);
    await workbench.command('Forget-Me-Not: Compare While I Work');
    await workbench.notification('answered by turns since');
    await workbench.screenshot('by-turns-standing');
    await workbench.notificationButton('answered by turns since', 'End Comparison');
    await counted('"ended"');
    assert.match(lines(), /"typed":[1-9]/);
    assert.doesNotMatch(lines(), /registry|turns\.js/);
  },

  async 'the server dies during a request, and the user is not interrupted'(workbench, place) {
    await useResult(workbench, place);
    writeFile(place.workspace, 'lost.js', '');
    await workbench.openFile('lost.js');
    // While paused, it accepts the request and does not answer.
    signalServer(place, 'SIGSTOP');
    await workbench.type('return registry.');
    await workbench.asking().waitFor();
    signalServer(place, 'SIGKILL');
    const killed = Date.now();
    // Whether there is anything to show depends on the tiny model.
    await workbench.asking().waitFor({ state: 'detached' });
    console.log(`      an answer ${((Date.now() - killed) / 1000).toFixed(1)} s after the server died`);
    await typeUntilGhostText(workbench);
    await workbench.screenshot('server-back');
    assert.deepEqual(await workbench.notifications.all(), [], 'no message');
  },

  async 'a result is exported, and imported as a run that completes'(workbench, place) {
    await ensureResults(workbench, place, 1);
    const path = join(place.workspace, 'garden-adapter.gguf');
    rmSync(path, { force: true });
    await workbench.commandAndPick(
      'Forget-Me-Not: Export Result',
      'Which result do you want to export?',
      'LoRA',
    );
    await workbench.pick('Which format?', 'GGUF adapter');
    await workbench.choosePath('Export as GGUF adapter', path);
    await workbench.notification('agrees with the trainer', TRAINING_MS);
    await workbench.screenshot('exported');
    assert.ok(existsSync(path));
    await workbench.dismissNotifications();

    await workbench.commandAndPick(
      'Forget-Me-Not: Import Adapter',
      'In which format is the adapter?',
      'A GGUF adapter',
    );
    await workbench.choosePath('Adapter to Import', path);
    await workbench.pick('Which model was it trained on?', 'tiny.gguf');
    await workbench.notificationButton(
      'garden-adapter.gguf was imported as a run',
      'Use for Completion',
      TRAINING_MS,
    );
    await workbench.notification('completes your code now');
    await workbench.screenshot('imported');
    assert.equal(newest(place).spec.imported.from, path);
  },

  async 'completion is snoozed, and turned off for a language'(workbench, place) {
    await useResult(workbench, place);
    await workbench.commandAndPick(
      'Forget-Me-Not: Snooze Completion',
      'Snooze completion for how long?',
      '5 minutes',
    );
    await workbench.statusBar('snoozed until').waitFor();
    await workbench.command('Forget-Me-Not: Cancel Completion Snooze');
    await workbench.statusBar('garden').waitFor();
    writeFile(place.workspace, 'notes.md', '');
    await workbench.openFile('notes.md');
    await workbench.command('Forget-Me-Not: Turn Completion On or Off for This Language');
    await workbench.statusBar('off for Markdown').waitFor();
    await workbench.command('Forget-Me-Not: Turn Completion On or Off for This Language');
    await workbench.statusBar('garden').waitFor();

    // The workspace says off, so that is where "on" has to be written.
    writeFile(place.workspace, SETTINGS, '{ "forgetMeNot.completion.enabled": false }');
    await workbench.statusBar('completion off').waitFor();
    await workbench.command('Forget-Me-Not: Turn Completion On');
    await workbench.statusBar('garden').waitFor();
    await until('the setting to be in its file', () =>
      /enabled": true/.test(readFileSync(join(place.workspace, SETTINGS), 'utf8')),
    );

    writeFile(place.workspace, SETTINGS, '{ "forgetMeNot.completion.show": "sure" }');
    writeFile(place.workspace, 'sure.js', '');
    await workbench.openFile('sure.js');
    await workbench.type('return registry.');
    assert.equal(await answered(workbench, 10_000), '');
    await workbench.command('Trigger Inline Suggestion');
    await until('what it is not sure of, for a person who asks', async () => (await shown(workbench)) !== '');
    await workbench.page.keyboard.press('Control+S');
    await workbench.page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
  },

  async 'accepted and kept completions are counted'(workbench, place) {
    await useResult(workbench, place);
    writeFile(place.workspace, 'kept.js', '');
    await workbench.openFile('kept.js');
    await acceptGhostText(workbench, place, 'kept.js', 'to-be-kept');
    // It counts as kept once its file is closed.
    await workbench.command('View: Close All Editors');
    await workbench.command('Forget-Me-Not: Show Results');
    const table = workbench.panel().locator('.acceptance tbody');
    await table.waitFor();
    const counted = /[1-9]\d* of [1-9]\d*: .* of [1-9]\d*: /;
    await until('what was kept', async () => counted.test(await table.innerText()));
    await table.scrollIntoViewIfNeeded();
    await workbench.screenshot('acceptance');
  },
};

/** The row of the adapter that the list marks as in use. */
async function inUse(workbench) {
  await workbench.command('Forget-Me-Not: Switch Adapter');
  const text = await workbench.asked.rows.filter({ hasText: 'in use' }).innerText();
  await workbench.asked.close();
  return text;
}
