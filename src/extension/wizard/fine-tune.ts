/** "Fine-tune on Workspace": asks the questions, downloads with consent, and starts the trainer. */
import { join } from 'node:path';
import type { DoctorReport } from '../../protocol/doctor.ts';
import { machineCosts } from '../../training/measured-costs.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { readRun } from '../../runs/index.ts';
import { UserError } from '../../text/errors.ts';
import type { BackendName } from '../../protocol/run.ts';
import { formatDuration } from '../../text/units.ts';
import type { ClusterAddress } from '../../cluster/ray/address.ts';
import { clusterEnvironment, clusterInSettings } from '../cluster/cluster.ts';
import { baseName, type BaseList } from './bases.ts';
import { withChildProgress } from '../child-progress.ts';
import { startedSchema } from '../children.ts';
import type { Context } from '../context.ts';
import { runDoctor } from '../doctor.ts';
import { warnIgnoredSettings } from '../ignored-settings.ts';
import { localFolders } from './folders.ts';
import { t, translate } from '../../text/l10n.ts';
import { missingProblems, missingRuntime, type Download } from './downloads.ts';
import { listBases } from './list-bases.ts';
import { settings } from '../settings.ts';
import { askConsent, install } from './consent.ts';
import { carryOut } from './carry-out.ts';
import { baseReference, findContinuableRun } from './continuable-run.ts';
import { continuedRun, planSchema, type Draft, type Plan } from '../draft.ts';
import { askWithRetry, wizardHost, missingHere } from './carry-out-host.ts';
import { askToReuse } from './steps.ts';
import { askBaseFor, askPlan, clusterBackend, trainArguments, type PlanLookups } from './wizard.ts';
import { textOf, type Text } from '../../text/message.ts';
import { commandAction } from '../log.ts';

export async function fineTune(context: Context): Promise<void> {
  requireFolder();
  warnIgnoredSettings(context);
  const cluster = clusterInSettings();
  const { store } = context;
  const kept = keptPlan(store.draft);
  const reuse = kept ? await askToReuse(describe(kept)) : false;
  const plan = reuse ? kept : reuse === false ? await ask(context, store.draft, cluster) : undefined;
  if (!plan) return;
  const host = wizardHost(context);
  // The evaluator fetches HumanEval at the end, so another try would ask again.
  let agreedBefore = false;
  await carryOut<Plan>(plan, {
    ...host,
    async missing(answers) {
      // If a cluster trains, this machine only needs the base, whose tokenizer makes the corpus.
      if (cluster) return missingHere(context, answers.base, 'wasm');
      const parts = await host.missing(answers);
      return agreedBefore ? parts : [...parts, ...(await missingProblems(settings.trainOptions()))];
    },
    consent: async (parts) => {
      const agreed = await askConsent(parts, cluster ? 'cluster' : 'fine-tuning');
      if (agreed) agreedBefore = true;
      else showDeclined(context);
      return agreed;
    },
    keep: (answers) => store.saveDraft(answers),
    askAgain: (answers) => ask(context, answers, cluster),
    async start(answers) {
      // Reading a large folder takes a while before there is a run to follow.
      const env = cluster ? await clusterEnvironment(context, cluster) : {};
      const onWarning = (warning: Text) => void context.log.notify('warning', translate(warning));
      const { run } = await withChildProgress(t('Reading the workspace'), (options) =>
        context.children.ask(startedSchema, trainArguments(answers, cluster), {
          ...options,
          env,
          onWarning,
        }),
      );
      await context.runStarted(run);
    },
  });
}

/** Shows how to get back to the question. */
function showDeclined({ log }: Context): void {
  const again = commandAction(t('Fine-tune on Workspace'), 'fineTune');
  void log.notify('info', t('Nothing was downloaded. Your answers are kept.'), again);
}

function ask(context: Context, saved: Draft, cluster?: ClusterAddress): Promise<Plan | undefined> {
  const keep = (draft: Draft) => context.store.saveDraft(draft);
  return askWithRetry(context, saved, keep, async (draft, answered) => {
    const report = runDoctor(context);
    // Awaited later; until then, a failure must not be an unhandled rejection.
    report.catch(() => undefined);
    const bases = listBases(context).then((list) => (cluster ? withoutMemoryLimit(list) : list));
    bases.catch(() => undefined);
    const lookups: PlanLookups = {
      bases: () => bases,
      async machine() {
        if (cluster) return { backend: clusterBackend() };
        const doctorReport = await report;
        const costs = await machineCosts();
        const backend = expectedBackend(doctorReport);
        const needsNode = backend === 'wasm' && settings.backend() === 'auto' && doctorReport.needsNode;
        return { backend, hasOwnMemory: hasOwnMemory(doctorReport), costs, needsNode };
      },
      continuing: (folders) => findContinuableRun(context, folders),
      runs: () => context.runs.all,
      eventsOf: ({ spec }) =>
        readRun(join(runsDir(), spec.id)).then(
          ({ events }) => events,
          () => [],
        ),
      inUse() {
        const base = context.completion.inUse?.base;
        return base && baseReference(base);
      },
    };
    return askPlan(lookups, draft, answered);
  });
}

/** This machine's free memory doesn't limit a cluster. */
const withoutMemoryLimit = ({ models, default: suited }: BaseList): BaseList => ({ models, default: suited });

/** Complete answers, unless a folder has left the workspace. */
function keptPlan(draft: Draft): Plan | undefined {
  const { data } = planSchema.safeParse(draft);
  const open = localFolders().map(({ uri }) => uri.fsPath);
  return data?.folders.every((folder) => open.includes(folder)) ? data : undefined;
}

/** "SmolLM2-135M-Instruct, LoRA, 15 min"; in a workspace of several folders with ", api, web" or ", 5 of 6 folders". */
function describe(plan: Plan): string {
  const all = localFolders();
  const names = all.filter(({ uri }) => plan.folders.includes(uri.fsPath)).map(({ name }) => name);
  const counts = { count: names.length, all: all.length };
  const folders = names.length > 3 ? [t('{count} of {all} folders', counts)] : names;
  return [describeTraining(plan), ...(all.length > 1 ? folders : [])].join(', ');
}

function describeTraining(plan: Plan): string {
  const { base, method, budget } = plan;
  const continued = continuedRun(plan);
  const duration = budget.steps
    ? t('{steps} steps', { steps: budget.steps })
    : formatDuration((budget.minutes ?? 0) * 60);
  if (continued) return t('what changed since {name}, {time}', { name: continued.name, time: duration });
  return `${baseName(base)}, ${method === 'lora' ? 'LoRA' : t('full fine-tuning')}, ${duration}`;
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

/** With NVIDIA's packages; the command line shows the exact size while it downloads. */
const tensorflowWithCuda = (): Download => ({
  name: 'TensorFlow (CUDA)',
  bytes: 3380e6,
  from: t('the Python package index'),
  needed: true,
  command: ['runtime', 'install', '--gpu', '--yes'],
});

/** Installs TensorFlow only, for users who started without it. `argument`: "gpu" for the one with CUDA. */
export async function installRuntime(context: Context, argument?: string): Promise<void> {
  const { log } = context;
  const report = await runDoctor(context);
  const [part] = argument === 'gpu' ? [tensorflowWithCuda()] : missingRuntime(report);
  if (!part) {
    const tensorflow = report.backends.find(({ name }) => name === 'tensorflow');
    return log.notify('info', tensorflow ? textOf(tensorflow, 'reason') : textOf(report, 'summary'));
  }
  // The user asked for it, so there is nothing to leave out.
  const agreed = await askConsent([{ ...part, needed: true }]);
  if (!agreed) return;
  await install(context, agreed);
  await log.notify('info', t('TensorFlow is installed; the next training uses it.'));
}

/** Downloads only a base: the given one, or one that the user picks. */
export async function fetchBase(context: Context, argument: string | undefined): Promise<void> {
  const bases = () => listBases(context);
  const base = argument ?? (await askBaseFor(t('Download Base Model'), bases, t('Which model?')));
  if (!base) return;
  const agreed = await askConsent(await missingHere(context, base, 'wasm'));
  if (!agreed) return;
  await install(context, agreed);
  await context.log.notify('info', t('{base} is on this machine and can be fine-tuned.', { base }));
}

/**
 * The backend that will train: the setting; with `auto`, the GPU if that is the fastest, else TensorFlow if it is or can
 * be installed, else wasm.
 */
function expectedBackend(report: DoctorReport): BackendName {
  const backend = settings.backend();
  if (backend !== 'auto') return backend;
  if (report.chosenBackend === 'webgpu') return 'webgpu';
  return missingRuntime(report).length || report.chosenBackend === 'tensorflow' ? 'tensorflow' : 'wasm';
}

/** Whether the GPU that WebGPU uses has its own memory. */
const hasOwnMemory = ({ adapters, chosenAdapter = 0 }: DoctorReport): boolean =>
  adapters[chosenAdapter]?.shared === false;
