/** "Doctor": what is installed on this machine, what is missing, and a button that installs it. */
import * as vscode from 'vscode';
import { doctorReportSchema, type DoctorReport } from '../protocol/doctor.ts';
import type { Context } from './context.ts';
import { t } from '../text/l10n.ts';
import { doctorText } from './texts.ts';
import { withProgress } from './shown.ts';
import { textOf } from '../text/message.ts';

const scheme = 'forget-me-not';
const uri = vscode.Uri.parse(`${scheme}:Forget-Me-Not Doctor.md`);

/** The report is a separate read-only document, rewritten each time. */
class ReportDocument implements vscode.TextDocumentContentProvider {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private text = '';
  set(text: string): void {
    this.text = text;
    this.changed.fire(uri);
  }
  provideTextDocumentContent(): string {
    return this.text;
  }
}
const shown = new ReportDocument();
export const registerDoctor = () => vscode.workspace.registerTextDocumentContentProvider(scheme, shown);

/**
 * Asks the command line's doctor; takes a few seconds, because it starts the backends that it reports on. `asked`: by
 * the person, so a GPU that ended a server is tried again.
 */
export function examine({ children }: Context, asked = false): Promise<DoctorReport> {
  return children.ask(doctorReportSchema, ['doctor', ...(asked ? [] : ['--look-only'])]);
}

export async function showDoctor(context: Context): Promise<void> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Forget-Me-Not is checking this machine'),
  };
  const report = await withProgress(options, () => examine(context, true));
  shown.set(doctorText(report));
  await vscode.commands.executeCommand('markdown.showPreview', uri);
  const gpu = report.checks.find(({ area }) => area === 'completion');
  if (gpu?.command && vscode.workspace.isTrusted)
    void context.log.ask('info', textOf(gpu, 'text'), {
      title: t('Install GPU Support'),
      run: () => vscode.commands.executeCommand('forgetMeNot.installGpu'),
    });
  const tensorflow = report.backends.find(({ name }) => name === 'tensorflow');
  if (!tensorflow?.command || !vscode.workspace.isTrusted) return;
  await context.log.ask('info', textOf(tensorflow, 'reason'), {
    title: t('Install TensorFlow'),
    run: () => vscode.commands.executeCommand('forgetMeNot.installRuntime'),
  });
}
