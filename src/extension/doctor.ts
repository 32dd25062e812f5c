/** "Doctor": shows what is installed on this machine and what is missing, with a button that installs it. */
import * as vscode from 'vscode';
import { doctorReportSchema, type DoctorReport } from '../protocol/doctor.ts';
import type { Context } from './context.ts';
import { t } from '../text/l10n.ts';
import { doctorText } from './texts.ts';
import { withProgress } from './editor-ui.ts';
import { textOf } from '../text/message.ts';
import { commandAction } from './log.ts';

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
const reportDocument = new ReportDocument();
export const registerDoctor = () =>
  vscode.workspace.registerTextDocumentContentProvider(scheme, reportDocument);

/**
 * Runs the command line's doctor. Takes a few seconds, because it starts the backends it reports on. `isRequested`: the
 * user asked for it, so a GPU that crashed a server is tried again.
 */
export function runDoctor({ children }: Context, isRequested = false): Promise<DoctorReport> {
  return children.ask(doctorReportSchema, ['doctor', ...(isRequested ? [] : ['--look-only'])]);
}

export async function showDoctor(context: Context): Promise<void> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Forget-Me-Not is checking this machine'),
  };
  const report = await withProgress(options, () => runDoctor(context, true));
  reportDocument.set(doctorText(report));
  await vscode.commands.executeCommand('markdown.showPreview', uri);
  const gpu = report.checks.find(({ area }) => area === 'completion');
  if (gpu?.command && vscode.workspace.isTrusted)
    void context.log.notify(
      'info',
      textOf(gpu, 'text'),
      commandAction(t('Install GPU Support'), 'installGpu'),
    );
  await offerTensorflow(context, report);
}

/** With CUDA, if an NVIDIA GPU is not used; not at all where a GPU trains already, which is the fastest. */
async function offerTensorflow({ log }: Context, { checks, backends, chosenBackend }: DoctorReport) {
  if (chosenBackend === 'webgpu' || !vscode.workspace.isTrusted) return;
  const title = t('Install TensorFlow');
  const cuda = checks.find(({ area, command }) => area === 'gpu' && command);
  if (cuda) return log.notify('info', textOf(cuda, 'text'), commandAction(title, 'installRuntime', 'gpu'));
  const tensorflow = backends.find(({ name }) => name === 'tensorflow');
  if (tensorflow?.command)
    await log.notify('info', textOf(tensorflow, 'reason'), commandAction(title, 'installRuntime'));
}
