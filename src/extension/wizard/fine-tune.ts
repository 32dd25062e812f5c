/** "Fine-tune on Workspace": asks the questions, downloads with consent, and starts the trainer. */
import * as vscode from 'vscode';
import { z } from 'zod';
import type { DoctorReport } from '../../protocol/doctor.ts';
import { machineCosts } from '../../training/measured-costs.ts';
import { UserError } from '../../text/errors.ts';
import type { BackendName } from '../../protocol/run.ts';
import { formatDuration } from '../../text/units.ts';
import type { ClusterAddress } from '../../cluster/ray/address.ts';
import { clusterEnvironment, clusterInSettings } from '../cluster/cluster.ts';
import { baseName, type Offered } from './bases.ts';
import { whileShown } from '../child-progress.ts';
import type { Context } from '../context.ts';
import { examine } from '../doctor.ts';
import { tellIgnored } from '../ignored-settings.ts';
import { localFolders } from './folders.ts';
import { t } from '../../text/l10n.ts';
import { missingParts, missingRuntime } from './downloads.ts';
import { offeredBases } from './offered.ts';
import { settings } from '../settings.ts';
import { askConsent, install } from './consent.ts';
import { carryOut } from './carry-out.ts';
import { findContinuing } from './continuing.ts';
import { continuedBy, planSchema, type Draft, type Plan } from '../draft.ts';
import { askPatiently, repairing } from './repairs.ts';
import { askToGoOn } from './steps.ts';
import { askBaseFor, askPlan, clusterBackend, trainArguments } from './wizard.ts';
import { textOf } from '../../text/message.ts';

const startedSchema = z.object({ run: z.string(), dir: z.string() });

export async function fineTune(context: Context): Promise<void> {
  requireFolder();
  tellIgnored(context);
  const cluster = clusterInSettings();
  const { store } = context;
  const known = planSchema.safeParse(store.draft);
  const goOn = known.success && (await askToGoOn(describe(known.data)));
  const plan =
    goOn && known.success
      ? known.data
      : goOn === false
        ? await ask(context, store.draft, cluster)
        : undefined;
  if (!plan) return;
  await carryOut<Plan>(plan, {
    ...repairing(context),
    ...(cluster && onlyBase(context)),
    consent: async (parts) => {
      const wanted = await askConsent(parts, cluster ? 'cluster' : 'fine-tuning');
      if (!wanted) tellDeclined(context);
      return wanted;
    },
    keep: (answers) => store.keepDraft(answers),
    askAgain: (answers) => ask(context, answers, cluster),
    async start(answers) {
      // Reading a large folder takes a while, before there is a run to follow.
      const env = cluster ? await clusterEnvironment(context, cluster) : {};
      const { run } = await whileShown(t('Reading the workspace'), (options) =>
        context.children.ask(startedSchema, trainArguments(answers, cluster), { ...options, env }),
      );
      await context.begun(run);
    },
  });
}

/** What this machine needs where a cluster trains: the base, whose tokens the corpus is made of. */
const onlyBase = (context: Context) => ({
  missing: async ({ base }: Plan) => missingParts(base, await examine(context), 'wasm'),
});

/** The way back to the question. */
function tellDeclined({ log }: Context): void {
  void log.ask('info', t('Nothing was downloaded. Your answers are kept.'), {
    title: t('Fine-tune on Workspace'),
    run: () => vscode.commands.executeCommand('forgetMeNot.fineTune'),
  });
}

function ask(context: Context, kept: Draft, cluster?: ClusterAddress): Promise<Plan | undefined> {
  const keep = (draft: Draft) => context.store.keepDraft(draft);
  return askPatiently(context, kept, keep, async (draft, answered) => {
    const report = examine(context);
    // Awaited later; until then, a failure must not count as an unhandled rejection.
    report.catch(() => undefined);
    const bases = offeredBases(context).then((offered) => (cluster ? withoutLimit(offered) : offered));
    bases.catch(() => undefined);
    return askPlan(
      () => bases,
      async () => {
        if (cluster) return { backend: clusterBackend() };
        const found = await report;
        const costs = await machineCosts();
        return { backend: expectedBackend(found), ownMemory: hasOwnMemory(found), costs };
      },
      (folders) => findContinuing(context, folders),
      draft,
      answered,
    );
  });
}

/** How much memory is free here says nothing of a cluster's. */
const withoutLimit = ({ models, default: suited }: Offered): Offered => ({ models, default: suited });

/** "SmolLM2-135M-Instruct, LoRA, 15 min"; with ", 2 of 3 folders" if not all of them were chosen. */
function describe(plan: Plan): string {
  const { length: count } = plan.folders;
  const { length: all } = localFolders();
  const some = count < all ? `, ${t('{count} of {all} folders', { count, all })}` : '';
  return describeTraining(plan) + some;
}

function describeTraining(plan: Plan): string {
  const { base, method, budget } = plan;
  const continued = continuedBy(plan);
  const long = budget.steps
    ? t('{steps} steps', { steps: budget.steps })
    : formatDuration((budget.minutes ?? 0) * 60);
  if (continued) return t('what changed since {name}, {time}', { name: continued.name, time: long });
  return `${baseName(base)}, ${method === 'lora' ? 'LoRA' : t('full fine-tuning')}, ${long}`;
}

/** Errors: corpus-empty without an open folder. */
export function requireFolder(): void {
  if (localFolders().length === 0)
    throw new UserError(
      'corpus-empty',
      t('No folder is open, so there is nothing to learn from.'),
      t('Open the folder with your code.'),
    );
}

/** Installs TensorFlow only, for users who started without it. */
export async function installRuntime(context: Context): Promise<void> {
  const { log } = context;
  const report = await examine(context);
  const [part] = missingRuntime(report);
  if (!part) {
    const tensorflow = report.backends.find(({ name }) => name === 'tensorflow');
    return log.ask('info', tensorflow ? textOf(tensorflow, 'reason') : textOf(report, 'summary'));
  }
  if (!(await askConsent([part])) || !(await install(context, [part]))) return;
  await log.ask('info', t('TensorFlow is installed; the next training uses it.'));
}

/** Downloads a base only: the one that a text names, or one that the user picks. */
export async function fetchBase(context: Context, which: string | undefined): Promise<void> {
  const bases = () => offeredBases(context);
  const base = which ?? (await askBaseFor(t('Download Base Model'), bases, t('Which model?')));
  if (!base) return;
  const missing = missingParts(base, await examine(context), 'wasm');
  const wanted = await askConsent(missing);
  if (!wanted || !(await install(context, wanted))) return;
  await context.log.ask('info', t('{base} is on this machine and can be fine-tuned.', { base }));
}

/**
 * The backend that will train: the setting; with `auto`, the GPU if that is the fastest, else TensorFlow if it is or can
 * be installed, else wasm.
 */
function expectedBackend(report: DoctorReport): BackendName {
  if (settings.backend !== 'auto') return settings.backend;
  if (report.chosenBackend === 'webgpu') return 'webgpu';
  return missingRuntime(report).length || report.chosenBackend === 'tensorflow' ? 'tensorflow' : 'wasm';
}

/** Whether the GPU that WebGPU uses has memory of its own. */
const hasOwnMemory = ({ adapters, chosenAdapter = 0 }: DoctorReport): boolean =>
  adapters[chosenAdapter]?.shared === false;
