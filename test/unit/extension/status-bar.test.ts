/** What the status bar says while nothing completes the code. */
import { beforeEach, expect, test, vi } from 'vitest';
import * as vscode from 'vscode';
import { StatusBar } from '../../../src/extension/status-bar.ts';
import type { Answers } from '../../../src/completion/index.ts';
import type { Acceptance } from '../../../src/protocol/panel.ts';
import { UserError } from '../../../src/text/errors.ts';

const item = vi.hoisted(() => ({ text: '', command: '', tooltip: {}, isShown: false }));
vi.mock('vscode', async () => {
  const fake = await import('./fake-vscode.ts');
  class MarkdownString {
    value = '';
    appendText = (text: string) => ((this.value += text), this);
    appendMarkdown = this.appendText;
  }
  const createStatusBarItem = () =>
    Object.assign(item, {
      show: () => (item.isShown = true),
      hide: () => (item.isShown = false),
      dispose: () => undefined,
    });
  const languages = [{ id: 'css', aliases: ['CSS'] }];
  return {
    ...fake,
    MarkdownString,
    StatusBarAlignment: {},
    extensions: { all: [{ packageJSON: { contributes: { languages } } }] },
    window: { ...fake.window, createStatusBarItem },
  };
});

const gone = new UserError('run-not-found', 'There is no run garden.', 'Choose another model.');
/** Shows what follows from this, and `setupStarted` of the store. */
function shownWith(completion: { whyGone?: UserError; isOn: boolean }, setupStarted = false) {
  const services = { runs: { live: [] }, store: { setupStarted }, completion };
  new StatusBar(services as never).refresh();
  return item.isShown ? item : undefined;
}
/** Shows it while a model completes. */
function shownWhile(answers: Partial<Answers>, acceptance: Partial<Acceptance> = {}, trust = 1) {
  const trustIn = () => trust;
  const completion = { inUse: { id: 'garden', name: 'garden' }, isOn: true, snooze: {}, answers, trustIn };
  const counts = { shown: 0, accepted: 0, kept: 0, dropped: 0, ...acceptance };
  const store = { setupStarted: false, acceptance: () => counts };
  new StatusBar({ runs: { live: [] }, store, completion } as never).refresh();
  return item as unknown as { text: string; tooltip: { value: string } };
}
beforeEach(() => void Object.assign(item, { text: '', command: '', tooltip: {}, isShown: false }));

test('a chosen model that can no longer complete is named, with the way to another one', () => {
  expect(shownWith({ whyGone: gone, isOn: true })).toMatchObject({
    text: '$(warning) Forget-Me-Not: choose a model',
    command: 'forgetMeNot.switchAdapter',
    tooltip: {
      value:
        '**Nothing completes your code any more**\n\nThere is no run garden.\n\nClick to choose another model.',
    },
  });
});

test('nothing is shown while completion is off, or if no model was chosen', () => {
  expect(shownWith({ whyGone: gone, isOn: false })).toBeUndefined();
  expect(shownWith({ isOn: true })).toBeUndefined();
});

test('a set-up that was begun can be continued, whatever was chosen before', () =>
  expect(shownWith({ whyGone: gone, isOn: true }, true)).toMatchObject({
    text: '$(sparkle) Forget-Me-Not: set up',
    command: 'forgetMeNot.completeUntuned',
  }));

test('a model that completes is named alone; how long it takes is said in seconds, and no count of nothing', () => {
  expect(shownWhile({ latencyMs: 512 })).toMatchObject({
    text: '$(sparkle) garden',
    tooltip: { value: '**Completion with garden**\n\nAnswers in about 0.5 s.' },
  });
  expect(shownWhile({}).tooltip.value).toBe('Completion with garden');
  expect(shownWhile({}, { shown: 4, accepted: 1 }).tooltip.value).toMatch(
    /1 of 4 completions accepted \(25%\)\.$/,
  );
});

test('that a suggestion was withheld is said, and what shows it', () => {
  expect(shownWhile({ dropped: 'unsure' }).tooltip.value).toMatch(
    / too unlikely to be shown\. The command Trigger Inline Suggestion shows it\.$/,
  );
  expect(shownWhile({ dropped: 'loop' }).tooltip.value).toMatch(
    /had nothing to suggest at the last place\.$/,
  );
});

test('where fewer suggestions appear because few are taken, it says so', () => {
  const window = vscode.window as { activeTextEditor: unknown };
  window.activeTextEditor = { document: { languageId: 'css' } };
  expect(shownWhile({}, {}, 0.5).tooltip.value).toBe(
    '**Completion with garden**\n\nYou take few suggestions in CSS, so only surer ones appear there.',
  );
  expect(shownWhile({}, {}, 0.71).tooltip.value).toBe('Completion with garden');
  window.activeTextEditor = undefined;
});
