// Training in the background over a fortnight that is played forward: nobody there and somebody back, a laptop that
// sleeps or runs on its battery, a crash, rewritten files, branches, two windows.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Clock } from './clock.mjs';
import { newest, train, TRAINING_MS, useResult } from './steps.mjs';
import { Session, trainingOptions } from './suite.mjs';
import { until } from './until.mjs';
import { makeWorkplace, writeFile, writeSource } from './workplace.mjs';

const FILES = 100;
const FIRST_STEPS = 200;
const LEARNED = 'learned what changed since';
const QUESTION = 'learn such changes while the machine is idle';

/** A workplace with a clock, under version control, and large enough for a gain to be seen. */
export async function makePlaceWithClock() {
  const place = await makeWorkplace();
  place.clock = new Clock(place.dir);
  for (let n = 1; n <= FILES; n += 1) writeSource(place.workspace, `plot${n}`);
  git(place, 'init', '--quiet', '--initial-branch=main');
  commit(place, 'first');
  return place;
}

/** VS Code by that clock. The tiny base has little to forget. */
export const openWithClock = (place, options) =>
  Session.open(place, {
    ...options,
    env: place.clock.env,
    settings: {
      'forgetMeNot.training.options': [
        ...trainingOptions,
        ...'--seq 512 --warmup 0 --schedule constant --forgetting-limit 100'.split(' '),
      ],
    },
  });

export const fortnight = {
  async 'a fortnight of training in the background'(workbench, place) {
    await train(workbench, place, FIRST_STEPS);
    await useResult(workbench, place);
    const first = newest(place);
    await noticeAbsenceSoon(workbench);

    rewriteHalf(place, 'store');
    commit(place, 'half of the files are rewritten');
    await whileAway(place, 'the question', () => isShown(workbench, QUESTION));
    assert.equal(place.runs().length, 1, 'nothing is learned before somebody agrees');
    await workbench.screenshot('asked');
    await workbench.notificationButton(QUESTION, 'Yes');

    const run = await isInterrupted(workbench, place, first);
    await whileAway(place, 'the result to be used', () => isShown(workbench, LEARNED), TRAINING_MS);
    assert.equal(place.runs().length, 2, 'one training, however often it was stopped');
    await workbench.screenshot('learned');
    assert.equal(newest(place).id, run.id);
    assert.ok(existsSync(join(run.dir, 'adapter.gguf')));

    await workbench.notificationButton(LEARNED, 'Undo');
    await workbench.notification('completes your code now');
    await branchIsSwitched(place);
    await twoWindows(workbench, place);
  },
};

/** What ends a training in the background, each time with a checkpoint from which it goes on. */
async function isInterrupted(workbench, place, first) {
  const { clock } = place;
  const { keyboard } = workbench.page;
  let step = 0;
  const trainsFurther = async () => {
    await whileAway(place, 'the training to go on', () => {
      const { state, spec } = newest(place);
      return spec.background && state.status === 'running' && state.step > step;
    });
    return newest(place);
  };
  const stops = async (why, act) => {
    const began = Date.now();
    await act();
    await until(`the training to stop: ${why}`, () => !place.isTraining());
    const run = newest(place);
    console.log(`      ${why}: stopped after ${Date.now() - began} ms at step ${run.state.step}`);
    assert.equal(run.state.status, 'cancelled', why);
    step = run.state.step;
  };

  const run = await trainsFurther();
  assert.equal(run.spec.continues?.run, first.id);
  assert.equal(run.spec.minutes, 20);
  await stops('somebody is back', () => keyboard.press('Shift'));

  await trainsFurther();
  await stops('on battery', async () => {
    clock.plug(false);
    await clock.play(1);
  });
  await clock.play(60);
  assert.ok(!place.isTraining(), 'nothing is learned on battery');
  clock.plug(true);

  await trainsFurther();
  await stops('the laptop sleeps', () => clock.sleepHours(8));

  // Nobody is back after a crash, so it goes on by itself.
  const { state } = await trainsFurther();
  process.kill(-state.pid, 'SIGKILL');
  step = newest(place).state.step;
  await trainsFurther();
  return run;
}

/** A branch that was switched back and forth has changed nothing. */
async function branchIsSwitched(place) {
  git(place, 'switch', '--quiet', '--detach', 'HEAD~1');
  await place.clock.play(5);
  git(place, 'switch', '--quiet', 'main');
  const before = place.runs().length;
  await place.clock.sleepHours(24);
  await place.clock.play(60);
  assert.equal(place.runs().length, before, 'nothing has changed, so nothing is learned');
}

/** Two windows of one folder begin one training. */
async function twoWindows(workbench, place) {
  const before = place.runs().length;
  const other = await workbench.page.context().newPage();
  await other.goto(workbench.page.url());
  await other.locator('.statusbar-item').filter({ hasText: 'garden' }).first().waitFor();
  rewriteHalf(place, 'shelf');
  commit(place, 'and rewritten again');
  await place.clock.sleepHours(24);
  await whileAway(place, 'another training', () => place.runs().length > before);
  await until('its end', () => newest(place).state.status === 'done', TRAINING_MS);
  await until('the trainer to be gone', () => !place.isTraining());
  assert.equal(place.runs().length, before + 1, 'one training, though both windows are idle');
  await other.close();
}

/** VS Code checks every 30 s whether somebody is there; here, every second. */
async function noticeAbsenceSoon(workbench) {
  await workbench.page.context().addInitScript(() => {
    const every = globalThis.setInterval.bind(globalThis);
    globalThis.setInterval = (act, ms, ...given) => every(act, ms === 30_000 ? 1000 : ms, ...given);
  });
  await workbench.reload();
  await workbench.statusBar('garden').waitFor();
}

/** Time passes while nobody touches anything, until something has happened. */
const whileAway = ({ clock }, what, happened, timeout) =>
  until(
    what,
    async () => {
      if (await happened()) return true;
      await clock.play(1);
      return false;
    },
    timeout,
  );

/** Without touching anything. */
const isShown = ({ notifications }, text) =>
  notifications.items.filter({ hasText: text }).first().isVisible();

function rewriteHalf(place, name) {
  for (let n = 1; n <= FILES; n += 2) {
    const file = `plot${n}.js`;
    const text = readFileSync(join(place.workspace, file), 'utf8');
    writeFile(
      place.workspace,
      file,
      text.replaceAll(/\b(registry|store|shelf)\b/g, name).replaceAll('options', `${name}Options`),
    );
  }
}

function git({ workspace }, ...args) {
  execFileSync('git', args, { cwd: workspace, stdio: 'pipe' });
}

function commit(place, message) {
  const author = ['-c', 'user.name=Someone', '-c', 'user.email=someone@example.org'];
  git(place, 'add', '--all');
  git(place, ...author, 'commit', '--quiet', '-m', message);
}
