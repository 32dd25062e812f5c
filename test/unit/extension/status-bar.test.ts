/** What the status bar says while nothing completes the code. */
import { beforeEach, expect, test, vi } from 'vitest';
import { StatusBar } from '../../../src/extension/status-bar.ts';
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
  return { ...fake, MarkdownString, StatusBarAlignment: {}, window: { ...fake.window, createStatusBarItem } };
});

const gone = new UserError('run-not-found', 'There is no run garden.', 'Choose another model.');
/** Shows what follows from this, and `setupStarted` of the store. */
function shownWith(completion: { whyGone?: UserError; isOn: boolean }, setupStarted = false) {
  const services = { runs: { live: [] }, store: { setupStarted }, completion };
  new StatusBar(services as never).refresh();
  return item.isShown ? item : undefined;
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
