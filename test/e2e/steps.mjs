// Steps that several scenarios take.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Trainings with the tiny base take seconds; a slow machine may need minutes. */
export const TRAINING_MS = 300_000;

export async function until(what, condition, timeout = 60_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`Waited ${timeout / 1000} s for ${what}.`);
    await sleep(200);
  }
}

/** Walks the wizard: the tiny base, LoRA, so many steps. */
export async function fineTune(workbench, steps) {
  await workbench.command('Forget-Me-Not: Fine-tune on Workspace');
  await workbench.pick('Which model learns?', 'tiny.gguf');
  await workbench.pick('How does it learn?', 'LoRA');
  await workbench.pick('How long may it take?', 'Steps');
  await workbench.answer('Training Steps', String(steps));
}

/** Steps that fill about so many seconds on this machine, by what the first run took. */
export function stepsFor(place, seconds) {
  const [first] = place.runs();
  const events = readFileSync(join(first.dir, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const times = events.filter(({ type }) => type === 'step').map(({ time }) => Date.parse(time));
  const perStep = (times.at(-1) - times[0]) / 1000 / (times.length - 1);
  return Math.max(60, Math.min(5000, Math.round(seconds / perStep)));
}

export const newest = (place) =>
  place
    .runs()
    .sort((a, b) => a.spec.createdAt.localeCompare(b.spec.createdAt))
    .at(-1);

/** Colours in the first chart: a blank one has one. */
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

/** White space is drawn with other characters than it is saved with. */
export const squeeze = (text) => text.replace(/[\s\u00a0\u00b7]+/g, '');

/** The tiny model has little to say: several beginnings are typed until it goes on with one. */
export async function typeUntilGhostText(workbench, wanted = /./) {
  const beginnings = ['return ', 'return registry.', 'import { registry } from ', 'export function load'];
  for (const typed of beginnings) {
    await workbench.page.keyboard.press('Control+End');
    await workbench.page.keyboard.press('Enter');
    await workbench.page.keyboard.type(typed, { delay: 30 });
    try {
      await workbench.ghostText().first().waitFor({ timeout: 15_000 });
    } catch {
      continue;
    }
    const text = (await workbench.ghostText().allInnerTexts()).join('');
    if (wanted.test(text)) return { typed, text };
  }
  throw new Error('No ghost text was shown.');
}
