// Steps shared by several scenarios.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { squeeze } from './browser.mjs';
import { becomes, until } from './until.mjs';

/** Trainings with the tiny base take seconds; a slow machine may need minutes. */
export const TRAINING_MS = 300_000;
/** After this many steps, the tiny base knows its workspace: it continues what is typed. */
export const LEARNED = 400;

/** Goes through the wizard: the tiny base, LoRA, this many steps. */
export async function fineTune(workbench, place, steps) {
  await until('the trainer before to be gone', () => !place.isTraining());
  await workbench.commandAndPick(
    'Forget-Me-Not: Fine-tune on Workspace',
    'What should the model learn, and how?',
    'Choose model',
  );
  await workbench.pick('Which model do you want to fine-tune?', 'tiny.gguf');
  await workbench.pick('Which training method?', 'LoRA');
  await workbench.pick('How long may it take?', 'Steps');
  await workbench.answer('Training Steps', String(steps));
}

/** Fine-tunes, and waits until the user is told that it is done. */
export async function train(workbench, place, steps) {
  const before = new Set(place.runs().map(({ id }) => id));
  await fineTune(workbench, place, steps);
  const run = await until(
    'a new run to be over',
    async () => {
      await workbench.notifications.failOnErrors();
      return place.runs().find(({ id, state }) => !before.has(id) && isOver(state));
    },
    TRAINING_MS,
  );
  assert.equal(run.state.status, 'done', JSON.stringify(run.state.error));
  await workbench.notification('Show Results');
  return run;
}

const isOver = ({ status }) => ['done', 'failed', 'cancelled'].includes(status);

/** Trains until there are this many results; a scenario that is run alone makes its own. */
export async function ensureResults(workbench, place, count) {
  const trained = () => place.runs().filter(({ spec, state }) => state.status === 'done' && !spec.imported);
  while (trained().length < count) {
    // With different lengths: runs with the same number of steps in the same minute look alike in a list.
    await train(workbench, place, LEARNED + 20 * place.runs().length);
    await workbench.dismissNotifications();
  }
}

/** Completion with the newest result, with its server started. */
export async function useResult(workbench, place) {
  await ensureResults(workbench, place, 1);
  await workbench.commandAndPick(
    'Forget-Me-Not: Use for Completion',
    'Which result should complete your code?',
    'LoRA',
  );
  await workbench.notification('completes your code now');
  await workbench.statusBar('garden').waitFor();
  await workbench.dismissNotifications();
}

/** Steps that take about this many seconds, by the fastest run so far: the machine may be busy now and idle later. */
export function stepsFor(place, seconds) {
  const pace = ({ dir }) => {
    const lines = readFileSync(join(dir, 'events.jsonl'), 'utf8').split('\n').slice(0, -1);
    const events = lines.map((line) => JSON.parse(line));
    const times = events.filter(({ type }) => type === 'step').map(({ time }) => Date.parse(time));
    const took = times.slice(1).map((time, index) => time - times[index]);
    return took.length ? took.toSorted((a, b) => a - b)[took.length >> 1] / 1000 : Infinity;
  };
  const fastest = Math.min(...place.runs().map(pace));
  return Math.max(60, Math.min(20_000, Math.round(seconds / fastest)));
}

export const newest = (place) =>
  place
    .runs()
    .sort((a, b) => a.spec.createdAt.localeCompare(b.spec.createdAt))
    .at(-1);

/** The number of colours in the first chart: a blank one has one. */
export function colours(panel) {
  return panel
    .locator('canvas')
    .first()
    .evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let at = 0; at < data.length; at += 4)
        seen.add(`${data[at]},${data[at + 1]},${data[at + 2]},${data[at + 3]}`);
      return seen.size;
    });
}

/** The ghost text as currently drawn. */
export const shown = async (workbench) => (await workbench.ghostText().allInnerTexts()).join('');

/**
 * Types beginnings until the model continues one as wanted. The returned text is final, not an answer to an earlier
 * letter that is about to be replaced.
 */
export async function typeUntilGhostText(workbench, wanted = /./) {
  const seen = [];
  // On a busy machine it takes longer until the editor asks.
  for (const patience of [2000, 10_000, 30_000])
    for (const typed of [
      'return registry.',
      'return ',
      'export function load',
      'import { registry } from ',
    ]) {
      await workbench.page.keyboard.press('Control+End');
      await workbench.page.keyboard.press('Enter');
      await workbench.type(typed);
      const text = await answered(workbench, patience);
      if (wanted.test(text)) return { typed, text };
      seen.push(typed + text);
    }
  throw new Error(`No ghost text like ${wanted} was shown: ${JSON.stringify(seen)}`);
}

/**
 * What is shown once the server has answered and the suggestion list is closed; '' if there is no completion, or no
 * request within `patience` ms.
 */
export async function answered(workbench, patience = 2000) {
  let text = '';
  await until('the completion to rest', async () => {
    await workbench.closeList();
    text = await shown(workbench);
    const moves = async () =>
      (await workbench.asking().isVisible()) ||
      (await workbench.list().isVisible()) ||
      (await shown(workbench)) !== text;
    // Long enough for the pause after a letter and for the request to begin.
    return !(await becomes(moves, text ? 500 : patience));
  });
  return text;
}

/** Types until there is ghost text, takes a picture, and accepts what is shown then; returns what should be saved. */
export async function acceptGhostText(workbench, place, name, picture) {
  const { typed } = await typeUntilGhostText(workbench);
  await workbench.screenshot(picture);
  // A picture takes seconds on a busy machine: meanwhile the text may have grown, or the list may have opened.
  const ghost = { typed, text: await answered(workbench) };
  await workbench.page.keyboard.press('Tab');
  await saveAndCheck(workbench, place, name, ghost);
  return ghost;
}

/** Saves the open file, and waits until it ends with what was typed and accepted. */
export async function saveAndCheck({ page }, place, name, { typed, text }) {
  await page.keyboard.press('Control+S');
  const saved = () => readFileSync(join(place.workspace, name), 'utf8');
  await until(
    () =>
      `${name} to end with ${JSON.stringify(typed + text)}, and not with ${JSON.stringify(saved().slice(-200))}`,
    () => squeeze(saved()).endsWith(squeeze(typed + text)),
  );
  // The editor notices afterwards: closed earlier, it would ask whether to save.
  await page.locator('.tab.dirty').first().waitFor({ state: 'detached' });
}

/** Sends a signal to the completion server of this workplace. */
export function signalServer(place, signal) {
  const servers = place.servers();
  assert.ok(servers.length > 0, 'the server is there');
  for (const pid of servers) process.kill(pid, signal);
}
