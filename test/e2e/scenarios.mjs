// What a person does, from the palette to code in a file. Each scenario gets the workbench and the workplace.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionScenarios } from './completion-scenarios.mjs';
import {
  colours,
  fineTune,
  newest,
  squeeze,
  stepsFor,
  TRAINING_MS,
  typeUntilGhostText,
  until,
} from './steps.mjs';
import { writeFile } from './workplace.mjs';

export const scenarios = {
  async 'from the palette to the chart, and from the adapter into the file'(workbench, place) {
    await fineTune(workbench, 120);
    const finished = workbench.notification('Use for Completion');
    await finished.waitFor({ timeout: TRAINING_MS });
    const run = newest(place);
    assert.equal(run.state.status, 'done');
    const summary = JSON.parse(readFileSync(join(run.dir, 'evaluation/summary.json'), 'utf8'));
    assert.ok(
      (await finished.innerText()).includes(summary.sentence),
      'the message says what the evaluation found',
    );
    await workbench.screenshot('finished');

    await workbench.notificationButton('Use for Completion', 'Show Results');
    const panel = workbench.panel();
    await panel.locator('canvas').first().waitFor();
    const drawn = await until('a drawn chart', async () => (await colours(panel)) > 3 && colours(panel));
    assert.ok(drawn > 3, `the chart has ${drawn} colours`);
    assert.ok((await panel.locator('body').innerText()).includes(summary.sentence));
    await workbench.screenshot('panel');

    await workbench.command('Forget-Me-Not: Use for Completion');
    await workbench.pick('Which result is to complete your code?', 'LoRA');
    await workbench.notification('completes your code now').waitFor();
    await workbench.statusBar('garden').waitFor();
    await workbench.dismissNotifications();

    writeFile(place.workspace, 'scratch.js', '');
    await workbench.openFile('scratch.js');
    const ghost = await typeUntilGhostText(workbench);
    await workbench.screenshot('ghost-text');
    await workbench.page.keyboard.press('Tab');
    await workbench.page.keyboard.press('Control+S');
    const saved = await until('the file to be saved', () =>
      readFileSync(join(place.workspace, 'scratch.js'), 'utf8'),
    );
    assert.ok(
      squeeze(saved).endsWith(squeeze(ghost.typed + ghost.text)),
      `${JSON.stringify(saved)} ends with ${JSON.stringify(ghost)}`,
    );
    await workbench.screenshot('accepted');
  },

  async 'a training survives a reload of the window and is followed to its end'(workbench, place) {
    const before = place.runs().length;
    await fineTune(workbench, stepsFor(place, 25));
    await workbench.notification('step').waitFor({ timeout: TRAINING_MS });
    const { state, id } = newest(place);
    assert.equal(state.status, 'running');
    await workbench.screenshot('training');
    await workbench.reload();
    await workbench.notification('Fine-tuning garden').waitFor({ timeout: 60_000 });
    await workbench.screenshot('training-found-again');
    const after = newest(place);
    assert.equal(after.id, id, 'the same run goes on');
    assert.equal(after.state.pid, state.pid, 'in the same process');
    assert.equal(after.state.status, 'running', 'the window was back before the training was over');
    await workbench.notification('Show Results').waitFor({ timeout: TRAINING_MS });
    assert.equal(newest(place).state.status, 'done');
    assert.equal(place.runs().length, before + 1);
    await workbench.statusBar('garden').waitFor();
    await workbench.dismissNotifications();
  },

  async 'stopping keeps a checkpoint and training goes on from there'(workbench, place) {
    const steps = stepsFor(place, 25);
    await fineTune(workbench, steps);
    await workbench.notification('step').waitFor({ timeout: TRAINING_MS });
    await workbench.notificationButton('step', 'Cancel');
    await workbench.notification('was stopped at step').waitFor({ timeout: TRAINING_MS });
    const stopped = newest(place);
    assert.equal(stopped.state.status, 'cancelled');
    assert.ok(stopped.state.step > 0 && stopped.state.step < steps, `stopped at ${stopped.state.step}`);
    await workbench.screenshot('stopped');
    await workbench.notificationButton('was stopped at step', 'Resume');
    await until('the run to be done', () => newest(place).state.status === 'done', TRAINING_MS);
    assert.equal(newest(place).id, stopped.id);
    await workbench.notification('Show Results').waitFor();
    await workbench.dismissNotifications();
  },

  async 'two runs are shown beside each other, and a chart is saved'(workbench, place) {
    // Alone (run.mjs with this scenario's name), it makes its own runs.
    while (place.runs().length < 2) {
      await fineTune(workbench, 60);
      await workbench.notification('Show Results').waitFor({ timeout: TRAINING_MS });
      await workbench.dismissNotifications();
    }
    await workbench.command('Forget-Me-Not: Show Results');
    const panel = workbench.panel();
    await panel.locator('.run-list vscode-checkbox:not([disabled])').first().click();
    await panel.locator('.comparison-answer table').first().waitFor({ timeout: 60_000 });
    const words = await panel.locator('[data-chart=trade-off] canvas').getAttribute('aria-label');
    assert.equal(words.match(/LoRA r=32/g)?.length, 2, words);
    await panel.locator('.comparison-answer').scrollIntoViewIfNeeded();
    await workbench.screenshot('compared');
    await panel.locator('[data-chart=loss]').getByText('SVG', { exact: true }).click();
    await workbench.answer('Save Chart', join(place.workspace, 'loss.svg'));
    const svg = await until('the chart to be saved', () => {
      const file = join(place.workspace, 'loss.svg');
      return existsSync(file) && readFileSync(file, 'utf8');
    });
    assert.ok(svg.startsWith('<svg') && svg.includes('<path'), svg.slice(0, 200));
  },

  ...completionScenarios,
};
