/** The first question of the wizard: the recommended answers, continuing a run, or custom choices. */
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase } from '../../base-models/registry.ts';
import type { Machine } from '../../training/memory/defaults.ts';
import { formatDuration } from '../../text/units.ts';
import { t } from '../../text/l10n.ts';
import { settings } from '../settings.ts';
import { baseChoices, baseName, doesNotFit, missingMemory, type BaseList } from './bases.ts';
import { continueChoice, baseReference, type ContinuableRun } from './continuable-run.ts';
import type { Draft } from '../draft.ts';
import { describeCost, sizedBase, type SizedBase } from './estimates.ts';
import { back, choose, type Answer, type Choice } from './steps.ts';

type Path = NonNullable<Draft['path']>;

/** What will train. */
export interface TrainingMachine extends Machine {
  /** See the doctor's report. */
  needsNode?: boolean | undefined;
}

/** Look-ups that run while the user reads. */
export interface Lookups {
  bases: () => Promise<BaseList>;
  machine: () => Promise<TrainingMachine>;
  continuing: () => Promise<ContinuableRun | undefined>;
  /** The base that completes the code, as a plan names it. */
  inUse?: (() => string | undefined) | undefined;
}

/** @param place title and position of the question */
export async function askPath(
  plan: Draft,
  place: { title: string; step: number; steps: number },
  { bases, machine, continuing, inUse }: Lookups,
): Promise<Answer<Draft>> {
  const lookups = Promise.all([bases(), machine(), continuing()]);
  const path = await choose<Path>({
    ...place,
    placeholder: t('What should the model learn, and how?'),
    choices: lookups.then(async ([list, where, run]) => {
      const advice = recommended(list, inUse?.());
      const sized = await sizedBase(advice.base);
      const choices = [recommendedChoice(advice, sized, list, where), customChoice()];
      // First, but not if it is unknown whether anything has changed.
      if (run) choices.splice(run.changed ? 0 : 1, 0, { ...continueChoice(run), value: 'continue' });
      return choices;
    }),
    meanwhile: [
      { label: `$(loading~spin) ${t('Looking for what suits this machine')}`, value: undefined },
      customChoice(),
    ],
    preferred: plan.path === 'continue' ? undefined : plan.path,
  });
  if (path === back || path === undefined) return path;
  const chosen: Draft = { ...plan, path, continues: undefined };
  // The look-ups are not awaited here; a failure is reported where they are needed.
  if (path === 'own') return chosen;
  const [list, , run] = await lookups;
  if (path === 'recommended') return { ...chosen, ...recommended(list, inUse?.()) };
  const { id, name, base: file } = run!.run.spec;
  const base = baseReference(file);
  return { ...chosen, base, method: 'lora', continues: { run: id, name, base } };
}

/** Undefined if it is not known. */
const fillsIn = (base: string): boolean | undefined => findKnownBase(base)?.fillInTheMiddle;

/**
 * The base for this machine, or the one in the settings; method and minutes of the settings. If that for this machine
 * can't fill in the middle but the base in use can, that is taken: its result is compared with what completes now.
 */
function recommended(list: BaseList, inUse: string | undefined) {
  const preferred = settings.base();
  const method = settings.method();
  const [first] = baseChoices(preferred, list);
  const suited = first!.value;
  const hasBetter =
    preferred === AUTO_BASE && inUse !== undefined && fillsIn(suited) === false && fillsIn(inUse);
  const base = hasBetter && !missingMemory(inUse, method, list) ? inUse : suited;
  return { base, method, budget: { minutes: settings.minutes() } };
}

function recommendedChoice(
  { base, method, budget }: ReturnType<typeof recommended>,
  sized: SizedBase | undefined,
  list: BaseList,
  machine: TrainingMachine,
): Choice<Path> {
  const missing = missingMemory(base, method, list);
  const how = method === 'lora' ? 'LoRA' : t('full fine-tuning');
  const time = formatDuration(60 * budget.minutes);
  const costs = [
    describeCost(base, sized, method, budget, machine),
    machine.needsNode && t('With Node 20 or newer installed, training could use a GPU.'),
  ];
  return {
    label: `$(rocket) ${t('{base} for {time}', { base: baseName(base), time })}`,
    description: [
      t('recommended'),
      how,
      ...(fillsIn(base) === false ? [t('uses only the code before the cursor')] : []),
    ].join(' · '),
    detail: missing ? doesNotFit(missing) : costs.filter(Boolean).join(' · '),
    value: 'recommended',
  };
}

const customChoice = (): Choice<Path> => ({
  label: `$(settings) ${t('Choose model, method and time…')}`,
  description: '',
  value: 'own',
});
