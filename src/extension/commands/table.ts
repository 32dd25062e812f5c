/** All commands in one table: name in package.json, and what it does. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { sentenceIn } from '../../findings/summary-sentence.ts';
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import { runsDir } from '../../platform/files/paths.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { trainingBusy, trainingNow } from '../../runs/index.ts';
import { withChildProgress } from '../child-progress.ts';
import { startedSchema } from '../children.ts';
import { forgetClusterToken, setClusterToken } from '../cluster/cluster-commands.ts';
import { jobOfRun } from '../cluster/cluster.ts';
import { resumeOnCluster } from '../cluster/cluster-runs.ts';
import type { Context } from '../context.ts';
import { showDoctor } from '../doctor.ts';
import { getStarted } from '../get-started.ts';
import { joined, t, translate } from '../../text/l10n.ts';
import type { Text } from '../../text/message.ts';
import { exportResult } from '../results/export-result.ts';
import { fetchBase, fineTune, installRuntime } from '../wizard/fine-tune.ts';
import { findLearningRate } from '../wizard/learning-rate.ts';
import { importAdapter } from '../wizard/import-adapter.ts';
import {
  chooseEndpointModel,
  forgetEndpointToken,
  setEndpointToken,
  stopSendingCode,
} from './endpoint-commands.ts';
import { compareByTurns } from './compare-by-turns.ts';
import { installGpu } from './gpu-support.ts';
import { deleteRun } from './delete-run.ts';
import { showMenu } from '../menu.ts';
import { reveal } from '../reveal.ts';
import { pickRun, type CommandArgument } from '../results/pick-run.ts';
import { settings } from '../settings.ts';
import { snooze, switchAdapter, toggleLanguage, turnCompletion } from './completion-commands.ts';
import { hasResult } from '../../findings/run-status.ts';
import { bestFirst, servableItem, whyNotServable, type RunStatus } from '../texts.ts';
import { requireTrust, trustedCommands } from '../trust.ts';
import { completeUntuned } from './untuned.ts';
import { commitsSentence } from '../../findings/commits-sentence.ts';
import { useRun } from '../completion/use-run.ts';
import { commandAction } from '../log.ts';

interface CommandEntry {
  /**
   * Whether it trains on this machine: only one training can run at a time, so the command is refused before it asks
   * anything.
   */
  trains?: () => boolean;
  run: (context: Context, argument: CommandArgument) => unknown;
}

const table: Record<string, CommandEntry> = {
  fineTune: { trains: () => !settings.cluster(), run: fineTune },
  findLearningRate: { trains: () => true, run: findLearningRate },
  showResults: { run: (context, argument) => context.panel.show(argument) },
  useForCompletion: { run: useForCompletion },
  measureResult: { run: measureResult },
  measureCommits: { run: measureCommits },
  stopTraining: { run: stopTraining },
  resumeTraining: { run: resumeTraining },
  exportResult: { run: exportResult },
  importAdapter: { run: importAdapter },
  completeUntuned: { run: completeUntuned },
  completionOn: { run: (context) => turnCompletion(context, true) },
  completionOff: { run: (context) => turnCompletion(context, false) },
  switchAdapter: { run: switchAdapter },
  snoozeCompletion: { run: snooze },
  wakeCompletion: { run: ({ completion }) => completion.snooze.set(0) },
  toggleLanguage: { run: toggleLanguage },
  compareByTurns: { run: compareByTurns },
  setEndpointToken: { run: setEndpointToken },
  forgetEndpointToken: { run: forgetEndpointToken },
  chooseEndpointModel: { run: chooseEndpointModel },
  stopSendingCode: { run: stopSendingCode },
  setClusterToken: { run: (context) => setClusterToken(context) },
  forgetClusterToken: { run: forgetClusterToken },
  getStarted: { run: getStarted },
  doctor: { run: showDoctor },
  installRuntime: { run: installRuntime },
  installGpu: { run: installGpu },
  fetchBase: { run: fetchBase },
  showRuns: { run: () => vscode.commands.executeCommand('forgetMeNot.runs.focus') },
  openSettings: {
    run: ({ extension }) =>
      vscode.commands.executeCommand('workbench.action.openSettings', `@ext:${extension.extension.id}`),
  },
  showLog: { run: ({ log }) => log.channel.show() },
  menu: { run: showMenu },
  refreshRuns: { run: ({ runs }) => runs.refresh() },
  deleteRun: { run: deleteRun },
  revealRun: { run: revealRun },
  showTrainerLog: { run: showTrainerLog },
};

export function registerCommands(context: Context): vscode.Disposable {
  const trusted = trustedCommands(context.extension.extension.packageJSON);
  const registered = Object.entries(table).map(([name, entry]) => {
    const command = `forgetMeNot.${name}`;
    return vscode.commands.registerCommand(command, async (argument: unknown) => {
      try {
        if (trusted.has(command)) requireTrust();
        if (entry.trains?.()) await requireNoTraining();
        return await entry.run(context, typeof argument === 'string' ? argument : undefined);
      } catch (error) {
        const busy = error instanceof UserError && error.code === 'training-busy';
        context.log.showError(
          error,
          ...(vscode.workspace.isTrusted ? [] : [manageTrustAction()]),
          ...(busy && context.runs.live.length > 0
            ? [commandAction(t('Stop Training'), 'stopTraining')]
            : []),
        );
        return undefined;
      }
    });
  });
  return vscode.Disposable.from(...registered);
}

const manageTrustAction = () => ({
  title: t('Manage Workspace Trust'),
  run: () => vscode.commands.executeCommand('workbench.trust.manage'),
});

/** Errors: training-busy. If two start at once, the command line refuses one as well. */
async function requireNoTraining(): Promise<void> {
  const training = await trainingNow();
  if (training) throw trainingBusy(training, t('Wait until it ends, or stop it.'));
}

async function useForCompletion(context: Context, argument: CommandArgument): Promise<void> {
  const run = await pickRun(
    context,
    argument,
    (run, status) => !whyNotServable(run, status),
    t('Which result should complete your code?'),
    t('No run has a result yet that can complete code.'),
    { itemOf: servableItem, order: bestFirst },
  );
  if (run) await useRun(context, run);
}

/** Also resumes a crashed evaluation: existing metrics are not measured again. */
async function measureResult(context: Context, argument: CommandArgument): Promise<void> {
  const run = await pickResult(context, argument, t('Which result do you want to measure?'));
  if (!run) return;
  const { name } = run.spec;
  await measure(context, run, ['evaluate', t('Measuring {name}', { name })], (summary) =>
    summary ? sentenceIn(summary) : t('{name} was measured.', { name }),
  );
}

/** On what was committed since the training: would it have helped to write that? */
async function measureCommits(context: Context, argument: CommandArgument): Promise<void> {
  const run = await pickResult(
    context,
    argument,
    t('Which result do you want to try on your newest commits?'),
  );
  if (!run) return;
  const { name } = run.spec;
  await measure(context, run, ['proof', t('Trying {name} on your newest commits', { name })], (summary) =>
    commitsSentence(name, summary?.commits),
  );
}

const pickResult = (context: Context, argument: CommandArgument, placeHolder: string) =>
  pickRun(context, argument, hasResult, placeHolder, t('No run is finished yet.'));

/** Measures with a command of the command line, and says what was found. */
async function measure(
  { runs, children, log, panel }: Context,
  { spec: { id } }: RunSnapshot,
  [command, title]: [string, string],
  sentence: (summary: RunSnapshot['summary']) => string,
): Promise<void> {
  const warnings: Text[] = [];
  const onWarning = (warning: Text) => warnings.push(warning);
  await withChildProgress(title, (options) =>
    children.ask(z.unknown(), [command, id], { ...options, onWarning }),
  ).finally(() => runs.refresh());
  const text = joined([sentence(runs.get(id)?.summary), ...warnings.map(translate)]);
  const show = { title: t('Show Results'), run: () => panel.show(id) };
  await log.notify(warnings.length > 0 ? 'warning' : 'info', text, show);
}

async function stopTraining(context: Context, argument: CommandArgument): Promise<void> {
  const { runs } = context;
  await runs.refresh();
  const only = runs.live.length === 1 ? runs.live[0]?.spec.id : undefined;
  const run = await pickRun(
    context,
    argument ?? only,
    ['live'],
    t('Which training run do you want to stop?'),
    t('Nothing is training.'),
  );
  if (run) await context.progress.requestStop(run);
}

async function resumeTraining(context: Context, argument: CommandArgument): Promise<void> {
  const statuses: RunStatus[] = ['cancelled', 'interrupted', 'failed'];
  const run = await pickRun(
    context,
    argument,
    statuses,
    t('Which training run do you want to resume?'),
    t('There is no stopped training run.'),
  );
  if (!run) return;
  const { id } = run.spec;
  const job = await jobOfRun(id);
  if (job) {
    const resumed = await resumeOnCluster(context, id, job.url);
    if (resumed) await context.runStarted(resumed);
    return;
  }
  await requireNoTraining();
  const started = await context.children.ask(startedSchema, ['resume', id, '--detach']);
  await context.runStarted(started.run);
}

function pickAnyRun(context: Context, argument: CommandArgument) {
  const statuses: RunStatus[] = ['live', 'done', 'failed', 'cancelled', 'interrupted'];
  return pickRun(context, argument, statuses, t('Which run?'), t('There are no runs yet.'));
}

async function revealRun(context: Context, argument: CommandArgument): Promise<void> {
  const run = await pickAnyRun(context, argument);
  if (run) await reveal(vscode.Uri.file(join(runsDir(), run.spec.id, 'run.json')));
}

async function showTrainerLog(context: Context, argument: CommandArgument): Promise<void> {
  const run = await pickAnyRun(context, argument);
  if (run) await vscode.window.showTextDocument(vscode.Uri.file(join(runsDir(), run.spec.id, 'trainer.log')));
}
