/** Shows errors to the user: one sentence, a code and buttons; the details go to the log. */
import * as vscode from 'vscode';
import { commandOf, type NextStep } from '../text/next-step.ts';
import { reportError, type ErrorReport } from '../text/errors.ts';
import { visibleText } from '../text/foreign-text.ts';
import { joined, t, titleIn, translate, withButtons } from '../text/l10n.ts';
import { showErrorMessage, showInformationMessage, showWarningMessage } from './shown.ts';
import { type Text, textOf } from '../text/message.ts';

/** A button of a message. */
export interface Action {
  title: string;
  run: () => unknown;
}

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
  show(thrown: unknown, ...actions: Action[]): void {
    const report = reportError(thrown);
    if (report.code === 'cancelled') return;
    this.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : JSON.stringify(report));
    void this.ask('error', errorSentence(report), ...actions, {
      title: t('Show Log'),
      run: () => this.channel.show(),
    });
  }

  /** A message with buttons; those for steps that the text names come first. */
  async ask(kind: 'info' | 'warning' | 'error', message: Text, ...actions: Action[]): Promise<void> {
    const show = {
      info: showInformationMessage,
      warning: showWarningMessage,
      error: showErrorMessage,
    }[kind];
    const said = withButtons(message);
    const all = [...said.steps.map(actionOf), ...actions];
    const buttons = all.filter(({ title }, at) => all.findIndex((one) => one.title === title) === at);
    const chosen = await show(said.text, ...buttons.map((action) => action.title));
    try {
      await buttons.find((action) => action.title === chosen)?.run();
    } catch (error) {
      this.show(error);
    }
  }

  dispose(): void {
    this.channel.dispose();
  }
}

/** What to do next. A bug the user can only report, so the sentence points to the log. */
export const nextOf = (report: ErrorReport): string =>
  report.code === 'internal' ? t('See the log for details.') : translate(textOf(report, 'next'));

const errorSentence = (report: ErrorReport) =>
  `${joined([translate(textOf(report, 'message')), nextOf(report)])} [${report.code}]`;

/** The button for a step that a text names. */
export const actionOf = (step: NextStep): Action => ({
  title: titleIn(step),
  run: () => {
    const { id, subject } = step;
    // All tasks are measured, even if the text names some.
    const which = id === 'evaluate' ? subject.split(' ')[0] : subject;
    return vscode.commands.executeCommand(commandOf(step), which || undefined);
  },
});
