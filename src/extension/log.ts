/** Errors for the person: one sentence, a code and a button; the details go to the log. */
import * as vscode from 'vscode';
import { commandOf, forButtons, titleOf, type NextStep } from '../protocol/next-step.ts';
import { reportError, type ErrorReport } from '../protocol/errors.ts';

/** A button of a message. */
export interface Action {
  title: string;
  run: () => unknown;
}

export class Log {
  readonly channel = vscode.window.createOutputChannel('Forget-Me-Not', { log: true });

  info(message: string): void {
    this.channel.info(message);
  }
  warn(message: string): void {
    this.channel.warn(message);
  }
  error(message: string): void {
    this.channel.error(message);
  }

  /** Shows what was thrown; never throws itself and never waits for the person. */
  show(thrown: unknown, ...actions: Action[]): void {
    const report = reportError(thrown);
    if (report.code === 'cancelled') return;
    this.channel.error(thrown instanceof Error ? (thrown.stack ?? thrown.message) : JSON.stringify(report));
    void this.ask('error', errorSentence(report), ...actions, {
      title: 'Show Log',
      run: () => this.channel.show(),
    });
  }

  /** A message whose buttons do something; what can be done next by the text itself comes first. */
  async ask(kind: 'info' | 'warning' | 'error', message: string, ...actions: Action[]): Promise<void> {
    const show = {
      info: vscode.window.showInformationMessage,
      warning: vscode.window.showWarningMessage,
      error: vscode.window.showErrorMessage,
    }[kind] as (message: string, ...items: string[]) => Thenable<string | undefined>;
    const said = forButtons(message);
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

/** A bug is not for the person to mend: the log has what there is to report. */
const errorSentence = ({ message, next, code }: ErrorReport) =>
  `${message} ${code === 'internal' ? 'The log says more.' : next} [${code}]`;

/** The button of a step that a text names. */
export const actionOf = (step: NextStep): Action => ({
  title: titleOf(step),
  run: () => {
    const { id, subject } = step;
    // All tasks are measured, whichever a text names.
    const which = id === 'evaluate' ? subject.split(' ')[0] : subject;
    return vscode.commands.executeCommand(commandOf(step), which || undefined);
  },
});
