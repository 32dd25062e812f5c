// What a user does, from the palette to code in a file. Each scenario gets the workbench and the workplace, starts
// with nothing open and nothing training, and makes the results that it needs if there are none.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { completionScenarios } from './completion-scenarios.mjs';
import { endpointScenarios } from './endpoint-scenarios.mjs';
import { listScenarios } from './list-scenarios.mjs';
import { nextEditScenarios } from './next-edit-scenarios.mjs';
import {
  acceptGhostText,
  colours,
  ensureResults,
  fineTune,
  LEARNED,
  newest,
  stepsFor,
  train,
  TRAINING_MS,
  useResult,
} from './steps.mjs';
import { typedThroughScenarios } from './typed-through-scenarios.mjs';
import { until } from './until.mjs';
import { writeFile, writeSource } from './workplace.mjs';

export const scenarios = {
  async 'from the palette to the chart, and from the adapter into the file'(workbench, place) {
    const run = await train(workbench, place, LEARNED);
    const finished = await workbench.notification('Use for Completion');
    const summary = JSON.parse(readFileSync(join(run.dir, 'evaluation/summary.json'), 'utf8'));
    assert.match(
      await finished.innerText(),
      /trained, \d+ steps?\. .* before.*\. Your completions can use it\./s,
      'the message says first whether it is better, and that it can be used',
    );
    await workbench.screenshot('finished');

    await workbench.notificationButton('Use for Completion', 'Show Results');
    const panel = workbench.panel();
    await panel.locator('canvas').first().waitFor();
    await until('a drawn chart', async () => (await colours(panel)) > 3);
    assert.ok((await panel.locator('body').innerText()).includes(summary.sentence));
    await workbench.screenshot('panel');

    await useResult(workbench, place);
    writeFile(place.workspace, 'scratch.js', '');
    await workbench.openFile('scratch.js');
    await acceptGhostText(workbench, place, 'scratch.js', 'ghost-text');
    await workbench.screenshot('accepted');
  },

  async 'a training survives a reload of the window and is followed to its end'(workbench, place) {
    await useResult(workbench, place);
    const before = await beginTraining(workbench, place, stepsFor(place, 15));
    assert.equal(before.state.status, 'running');
    await paused(before, async () => {
      await workbench.screenshot('training');
      await workbench.reload();
      await workbench.statusBar('training').waitFor();
      const after = newest(place);
      assert.equal(after.id, before.id, 'the same run goes on');
      assert.equal(after.state.pid, before.state.pid, 'in the same process');
      await workbench.screenshot('training-found-again');
    });
    await workbench.notification('Show Results', TRAINING_MS);
    assert.equal(newest(place).state.status, 'done');
    assert.equal(place.runs().filter(({ id }) => id === before.id).length, 1);
    await workbench.dismissNotifications();
    await workbench.statusBar('garden').waitFor();
  },

  async 'stopping keeps a checkpoint, and resuming continues from it'(workbench, place) {
    await ensureResults(workbench, place, 1);
    const steps = stepsFor(place, 15);
    const run = await beginTraining(workbench, place, steps);
    await paused(run, async () => {
      await workbench.command('Forget-Me-Not: Stop Training');
      await until('the trainer to be asked to stop', () => existsSync(join(run.dir, 'stop')));
    });
    await workbench.notification('was stopped at step', TRAINING_MS);
    const stopped = newest(place);
    assert.equal(stopped.state.status, 'cancelled');
    assert.ok(stopped.state.step > 0 && stopped.state.step < steps, `stopped at ${stopped.state.step}`);
    await workbench.screenshot('stopped');
    await until('the trainer to be gone', () => !place.isTraining());
    await workbench.notificationButton('was stopped at step', 'Resume Training');
    await workbench.notification('Show Results', TRAINING_MS);
    assert.equal(newest(place).id, stopped.id);
    assert.equal(newest(place).state.status, 'done');
  },

  async 'two runs are compared, and a chart is saved'(workbench, place) {
    await ensureResults(workbench, place, 2);
    const file = join(place.workspace, 'loss.svg');
    rmSync(file, { force: true });
    await workbench.command('Forget-Me-Not: Show Results');
    const panel = workbench.panel();
    await check(panel.locator('.run-list vscode-checkbox:not([disabled])').first());
    await panel.locator('.comparison-answer table').first().waitFor();
    const words = await panel.locator('[data-chart=loss] canvas').getAttribute('aria-label');
    const names = await panel.locator('.comparison-answer table').first().locator('thead th').allInnerTexts();
    assert.equal(new Set(names.slice(1)).size, 2, names.join());
    for (const name of names.slice(1)) assert.ok(words.includes(name), `${words}: ${name}`);
    await panel.locator('.comparison-answer').scrollIntoViewIfNeeded();
    await workbench.screenshot('compared');
    await panel.locator('[data-chart=loss]').getByText('SVG', { exact: true }).click();
    await workbench.choosePath('Save Chart', file);
    const svg = await until('the chart to be saved', () => {
      const text = existsSync(file) && readFileSync(file, 'utf8');
      return text && text.trimEnd().endsWith('</svg>') && text;
    });
    assert.ok(svg.startsWith('<svg') && svg.includes('<path'), svg.slice(0, 200));
  },

  ...completionScenarios,
  ...listScenarios,
  ...nextEditScenarios,
  ...endpointScenarios,
  ...typedThroughScenarios,

  async 'a result is trained further on changed code'(workbench, place) {
    await ensureResults(workbench, place, 1);
    const grown = ['meadow', 'hedge', 'orchard', 'fountain'];
    for (const noun of grown) writeSource(place.workspace, noun);
    const before = newest(place);
    await until('the trainer before to be gone', () => !place.isTraining());
    await workbench.commandAndPick(
      'Forget-Me-Not: Fine-tune on Workspace',
      'What should the model learn, and how?',
      'with what changed since',
    );
    await workbench.pick('How long may it take?', 'Steps');
    await workbench.answer('Training Steps', '60');
    await workbench.notification('Show Results', TRAINING_MS);
    const { id, state, spec } = newest(place);
    assert.notEqual(id, before.id);
    assert.equal(state.status, 'done', JSON.stringify(state.error));
    assert.ok(place.runs().some((run) => run.id === spec.continues?.run));
    await workbench.screenshot('continued');
    for (const noun of grown) rmSync(join(place.workspace, `${noun}.js`));
  },
};

/** Starts a training and returns once it makes steps. */
async function beginTraining(workbench, place, steps) {
  const before = new Set(place.runs().map(({ id }) => id));
  await fineTune(workbench, place, steps);
  return until(
    'a new run to train',
    async () => {
      await workbench.notifications.failOnErrors();
      return place
        .runs()
        .find(({ id, state }) => !before.has(id) && state.status === 'running' && state.step > 0);
    },
    TRAINING_MS,
  );
}

/** Holds a training during `act`, so that it is not over meanwhile. */
async function paused({ state }, act) {
  process.kill(-state.pid, 'SIGSTOP');
  try {
    await act();
  } finally {
    process.kill(-state.pid, 'SIGCONT');
  }
}

/** The toolkit's checkboxes accept no click before their element is defined. */
async function check(box) {
  await box.waitFor();
  await until('the box to be ticked', async () => {
    if (await box.evaluate((element) => element.checked)) return true;
    await box.click();
    return box.evaluate((element) => element.checked);
  });
}
