/** Shows errors to the user: one sentence, a code and buttons; the details go to the log. */
import * as vscode from 'vscode';
import { commandOf, type NextStep } from '../text/next-step.ts';
import { reportError, type ErrorReport } from '../text/errors.ts';
import { visibleText } from '../text/foreign-text.ts';
import { joined, t, titleIn, translate, withButtons } from '../text/l10n.ts';
import { showErrorMessage, showInformationMessage, showWarningMessage } from './editor-ui.ts';
import { type Text, textOf } from '../text/message.ts';

/** A button of a message. */
export interface Action {
  title: string;
  run: () => unknown;
}

/** A button that runs one of our commands, by its name in commands/table.ts. */
export const commandAction = (title: string, name: string, ...args: string[]): Action => ({
  title,
  run: () => vscode.commands.executeCommand(`forgetMeNot.${name}`, ...args),
});

/** A button that opens the editor's settings at one of ours. */
export const settingAction = (setting: string, title = t('Open Settings')): Action => ({
  title,
  run: () => vscode.commands.executeCommand('workbench.action.openSettings', `forgetMeNot.${setting}`),
});

export class Log {
  readonly channel = vscode.window.createOutputChannel('Forget-Me-Not', { log: true });

  info(message: string): void {
    this.channel.info(visibleText(message));
  }
  warn(message: string): void {
    this.channel.warn(visibleText(message));
  }
  error(message: string): void {
    this.channel.error(visibleText(message));
  }

  /** Shows an error; never throws and never waits for the user. */
  showError(thrown: unknown, ...actions: Action[]): void {
    const report = reportError(thrown);
    if (report.code === 'cancelled') return;
    this.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : JSON.stringify(report));
    void this.notify('error', errorSentence(report), ...actions, {
      title: t('Show Log'),
      run: () => this.channel.show(),
    });
  }

  /** Shows a message with buttons; those for steps named in the text come first. */
  async notify(kind: 'info' | 'warning' | 'error', message: Text, ...actions: Action[]): Promise<void> {
    const show = {
      info: showInformationMessage,
      warning: showWarningMessage,
      error: showErrorMessage,
    }[kind];
    const parsed = withButtons(message);
    const all = [...parsed.steps.map(actionFor), ...actions];
    const buttons = all.filter(({ title }, at) => all.findIndex((action) => action.title === title) === at);
    const chosen = await show(parsed.text, ...buttons.map((action) => action.title));
    try {
      await buttons.find((action) => action.title === chosen)?.run();
    } catch (error) {
      this.showError(error);
    }
  }

  dispose(): void {
    this.channel.dispose();
  }
}

/** What to do next. For a bug, there is nothing but the log. */
export const nextStepText = (report: ErrorReport): string =>
  report.code === 'internal' ? t('See the log for details.') : translate(textOf(report, 'next'));

const errorSentence = (report: ErrorReport) =>
  `${joined([translate(textOf(report, 'message')), nextStepText(report)])} [${report.code}]`;

/** The button for a step named in a text. */
export const actionFor = (step: NextStep): Action => ({
  title: titleIn(step),
  run: () => {
    const { id, subject } = step;
    // All tasks are measured, even if the text names only some.
    const argument = id === 'evaluate' ? subject.split(' ')[0] : subject;
    return vscode.commands.executeCommand(commandOf(step), argument || undefined);
  },
});
