/** "Fine-tune on Workspace": asks for folders, base, method and budget, and shows the expected time and memory. */
import * as vscode from 'vscode';
import { lateGain } from '../../findings/late-gain.ts';
import { runMemory, type Machine } from '../../training/memory/defaults.ts';
import { baseChoices, missingMemory, type BaseList } from './bases.ts';
import { newestOfPlan, type ContinuableRun } from './continuable-run.ts';
import { continuedRun, type Draft, type Plan } from '../draft.ts';
import { describeCost, sizedBase, type Budget, type SizedBase } from './estimates.ts';
import { askFolders, onlyFolder } from './folders.ts';
import { percent, t } from '../../text/l10n.ts';
import type { ClusterAddress } from '../../cluster/ray/address.ts';
import { askPath, type TrainingMachine } from './ask-path.ts';
import type { RunEvent } from '../../protocol/events.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import type { BackendName } from '../../protocol/run.ts';
import { settings } from '../settings.ts';
import { choose, withAnswer, askSteps, type Answer, type Choice, type Step } from './steps.ts';
import { size } from '../texts.ts';
import { formatDuration } from '../../text/units.ts';

const title = () => t('Fine-tune on Workspace');

/** What is looked up while the first questions are asked. */
export interface PlanLookups {
  /** The bases to choose from, and which of them suits this machine. */
  bases: () => Promise<BaseList>;
  machine: () => Promise<TrainingMachine>;
  /** The run of these folders that can be continued. */
  continuing: (folders: readonly string[]) => Promise<ContinuableRun | undefined>;
  /** Earlier runs, newest first. */
  runs: () => readonly RunSnapshot[];
  /** None if they can't be read. */
  eventsOf: (run: RunSnapshot) => Promise<readonly RunEvent[]>;
  /** The base that completes the code, as a plan names it. */
  inUse?: () => string | undefined;
}

/**
 * Asks for everything that a training needs; the recommended answers take one click. Undefined when the user cancels.
 * @param saved earlier answers, which are preselected
 * @param onAnswer called after each question
 */
export async function askPlan(
  { bases, machine, continuing, runs, eventsOf, inUse }: PlanLookups,
  saved: Draft,
  onAnswer: (draft: Draft) => void,
): Promise<Plan | undefined> {
  const steps: Step<Draft>[] = [
    ...askFolders(title()),
    (plan, position) =>
      askPath(
        plan,
        { title: title(), ...position },
        { bases, machine, continuing: () => continuing(plan.folders!), inUse },
      ),
    ifCustom((plan, position) => askBase(plan, { title: title(), ...position }, bases())),
    ifCustom((plan, position) =>
      askMethod(plan, position, Promise.all([machine(), sizedBase(plan.base!), bases()])),
    ),
    async (plan, position) =>
      plan.path === 'recommended'
        ? plan
        : askBudget(
            plan,
            { placeholder: await howLong(newestOfPlan(runs(), plan), eventsOf), ...position },
            Promise.all([machine(), sizedBase(plan.base!)]),
          ),
  ];
  return (await askSteps({ ...saved, ...onlyFolder(), backend: undefined }, steps, onAnswer)) as
    | Plan
    | undefined;
}

/** A step that is only asked for custom choices. */
const ifCustom =
  (step: Step<Draft>): Step<Draft> =>
  (plan, position) =>
    plan.path === 'own' ? step(plan, position) : Promise.resolve(plan);

/** Asks for the folders and the base to find a learning rate for. Undefined when the user cancels. */
export async function askFoldersAndBase(
  heading: string,
  bases: () => Promise<BaseList>,
): Promise<Pick<Plan, 'folders' | 'base'> | undefined> {
  const steps: Step<Draft>[] = [
    ...askFolders(heading),
    (plan, position) => askBase(plan, { title: heading, ...position }, bases()),
  ];
  return (await askSteps(onlyFolder(), steps)) as Plan | undefined;
}

/** Asks for a base only. Undefined when the user cancels. */
export async function askBaseFor(
  heading: string,
  bases: () => Promise<BaseList>,
  question: string,
): Promise<string | undefined> {
  const steps: Step<Draft>[] = [
    (plan, position) => askBase(plan, { title: heading, ...position }, bases(), question),
  ];
  return (await askSteps({}, steps))?.base;
}

interface Position {
  step: number;
  steps: number;
}

const otherSource = { file: 'a .gguf file', hub: 'the hub' };

export async function askBase<D extends { base?: string | undefined }>(
  plan: D,
  place: Position & { title: string },
  list: Promise<BaseList>,
  placeholder = t('Which model do you want to fine-tune?'),
): Promise<Answer<D>> {
  const choices = list.then((bases): Choice<string>[] => [
    ...baseChoices(plan.base ?? settings.base(), bases),
    {
      label: `$(file) ${t('A .gguf file…')}`,
      description: t('Llama, Qwen, Granite, Gemma 3, SmolLM3 or StarCoder2'),
      value: otherSource.file,
    },
    {
      label: `$(cloud-download) ${t('From Hugging Face…')}`,
      description: 'owner/name[:file]',
      value: otherSource.hub,
    },
  ]);
  const chosen = await choose({ ...place, placeholder, choices });
  if (chosen === otherSource.file) return withAnswer(plan, 'base', pickFile());
  if (chosen === otherSource.hub) return withAnswer(plan, 'base', typeReference());
  return withAnswer(plan, 'base', Promise.resolve(chosen));
}

async function pickFile(): Promise<Answer<string>> {
  const [file] =
    (await vscode.window.showOpenDialog({ title: t('Base Model'), filters: { GGUF: ['gguf'] } })) ?? [];
  return file?.fsPath;
}

async function typeReference(): Promise<Answer<string>> {
  return vscode.window.showInputBox({
    title: t('Base Model from Hugging Face'),
    prompt: t('owner/name or owner/name:file.gguf'),
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^[\w.-]+\/[\w.-]+(:[\w./-]+)?$/.test(text.trim())
        ? undefined
        : t('Write it as owner/name or owner/name:file.gguf.'),
  });
}

/** What time and memory follow from. */
type CostFacts = [Machine, SizedBase | undefined];

function askMethod(
  plan: Draft,
  position: Position,
  lookups: Promise<[...CostFacts, BaseList]>,
): Promise<Answer<Draft>> {
  const memory = (method: 'lora' | 'full', [machine, sized, list]: [...CostFacts, BaseList]) => {
    if (!sized) return '';
    const missing = missingMemory(plan.base!, method, list);
    if (!missing) return t('about {size} of memory', { size: size(runMemory(sized, method, machine)) });
    return 'most' in missing
      ? t('does not fit into the {most} of memory that WebAssembly has', missing)
      : t('does not fit: it takes {needed} of memory, and {free} are free', missing);
  };
  const choices = lookups.then((found): Choice<'lora' | 'full'>[] => [
    {
      label: 'LoRA',
      description: memory('lora', found),
      detail: t('Trains a small adapter on top of the frozen model. Several adapters can share one base.'),
      value: 'lora',
    },
    {
      label: t('Full fine-tuning'),
      description: memory('full', found),
      detail: t('Trains all weights; the result is a separate, complete model.'),
      value: 'full',
    },
  ]);
  return withAnswer(
    plan,
    'method',
    choose({
      title: title(),
      ...position,
      placeholder: t('Which training method?'),
      choices,
      preferred: plan.method ?? settings.method(),
    }),
  );
}

type Preset = 'quick' | 'standard' | 'thorough';
type BudgetName = Preset | 'minutes' | 'steps';

/** The question, with what the plan's newest run says about the answer. The box shows about 85 characters. */
async function howLong(run: RunSnapshot | undefined, eventsOf: PlanLookups['eventsOf']): Promise<string> {
  const late = run && lateGain(await eventsOf(run));
  return late === undefined
    ? t('How long may it take?')
    : t('How long may it take? Last time, {share} was learned in the second half.', { share: percent(late) });
}

async function askBudget(
  plan: Draft,
  { placeholder, ...position }: Position & { placeholder: string },
  lookups: Promise<CostFacts>,
): Promise<Answer<Draft>> {
  const quick = settings.minutes();
  const preset: Record<Preset, number> = { quick, standard: quick * 4, thorough: quick * 16 };
  const presetChoice = (label: string, value: Preset, facts: CostFacts): Choice<BudgetName> => ({
    label,
    description: t('{time} of training', { time: formatDuration(preset[value] * 60) }),
    detail: costOf(plan, { minutes: preset[value] }, facts) ?? '',
    value,
  });
  const choices = lookups.then((facts): Choice<BudgetName>[] => [
    presetChoice(t('Quick'), 'quick', facts),
    presetChoice(t('Standard'), 'standard', facts),
    presetChoice(t('Thorough'), 'thorough', facts),
    { label: `$(edit) ${t('Minutes…')}`, description: t('your own budget'), value: 'minutes' },
    { label: `$(edit) ${t('Steps…')}`, description: t('of 512 tokens each'), value: 'steps' },
  ]);
  const chosen = await choose<BudgetName>({
    title: title(),
    ...position,
    placeholder,
    choices,
    preferred: budgetName(plan.budget, preset),
  });
  if (chosen === 'minutes' || chosen === 'steps')
    return withAnswer(plan, 'budget', typeBudget(plan, chosen, await lookups));
  return withAnswer(
    plan,
    'budget',
    Promise.resolve(typeof chosen === 'string' ? { minutes: preset[chosen] } : chosen),
  );
}

/** The preset for a budget chosen before. */
function budgetName(budget: Budget | undefined, preset: Record<Preset, number>): BudgetName {
  if (!budget) return 'quick';
  if (budget.steps) return 'steps';
  const names = Object.keys(preset) as Preset[];
  return names.find((name) => preset[name] === budget.minutes) ?? 'minutes';
}

async function typeBudget(plan: Draft, unit: 'minutes' | 'steps', facts: CostFacts): Promise<Answer<Budget>> {
  const read = (text: string): Budget | undefined => {
    const value = Number(text.replace(',', '.'));
    if (
      !text.trim() ||
      !Number.isFinite(value) ||
      value <= 0 ||
      (unit === 'steps' && !Number.isInteger(value))
    )
      return undefined;
    return { [unit]: value };
  };
  const value = String(plan.budget?.[unit] ?? (unit === 'minutes' ? 15 : 100));
  const text = await vscode.window.showInputBox({
    title: unit === 'minutes' ? t('Minutes of Training') : t('Training Steps'),
    value,
    prompt: costOf(plan, read(value)!, facts) ?? '',
    ignoreFocusOut: true,
    validateInput: (text) => {
      const budget = read(text);
      if (!budget)
        return unit === 'steps' ? t('Enter a whole number above 0.') : t('Enter a number above 0.');
      return {
        message: costOf(plan, budget, facts) ?? ' ',
        severity: vscode.InputBoxValidationSeverity.Info,
      };
    },
  });
  return text === undefined ? undefined : read(text);
}

const costOf = (plan: Draft, budget: Budget, [machine, sized]: CostFacts) =>
  describeCost(plan.base!, sized, plan.method ?? 'lora', budget, machine);

/** The arguments of `train` for a plan. `cluster`: what trains instead of this machine. */
export function trainArguments(plan: Plan, cluster?: ClusterAddress): string[] {
  const { budget } = plan;
  const continued = continuedRun(plan);
  return [
    'train',
    ...plan.folders,
    ...(continued ? ['--continue', continued.run] : ['--base', plan.base, '--method', plan.method]),
    ...(budget.steps ? ['--steps', String(budget.steps)] : ['--minutes', String(budget.minutes)]),
    ...(cluster ? ['--backend', clusterBackend()] : settings.backendOptions(plan.backend)),
    ...settings.globOptions(plan.folders),
    ...settings.trainOptions(),
    // The last options win, so a folder's settings can't send anything elsewhere.
    ...(cluster ? ['--on', cluster.url] : ['--yes']),
    ...(cluster && settings.clusterStorage() ? ['--storage', settings.clusterStorage()] : []),
    '--detach',
  ];
}

/** Workers compute on their processors; this machine's GPU doesn't matter. */
export const clusterBackend = (): BackendName => (settings.backend() === 'wasm' ? 'wasm' : 'tensorflow');
