/** The first question of the wizard: the recommended answers, continuing a run, or custom choices. */
import type { Machine } from '../../training/memory/defaults.ts';
import { formatDuration } from '../../text/units.ts';
import { t } from '../../text/l10n.ts';
import { settings } from '../settings.ts';
import { baseChoices, baseName, doesNotFit, missingMemory, type BaseList } from './bases.ts';
import { continueChoice, baseReference, type ContinuableRun } from './continuable-run.ts';
import type { Draft } from '../draft.ts';
import { describeCost } from './estimates.ts';
import { back, choose, type Answer, type Choice } from './steps.ts';

type Path = NonNullable<Draft['path']>;

/** Look-ups that run while the user reads. */
export interface Lookups {
  bases: () => Promise<BaseList>;
  machine: () => Promise<Machine>;
  continuing: () => Promise<ContinuableRun | undefined>;
}

/** @param place title and position of the question */
export async function askPath(
  plan: Draft,
  place: { title: string; step: number; steps: number },
  { bases, machine, continuing }: Lookups,
): Promise<Answer<Draft>> {
  const lookups = Promise.all([bases(), machine(), continuing()]);
  const path = await choose<Path>({
    ...place,
    placeholder: t('What should the model learn, and how?'),
    choices: lookups.then(([list, where, run]) => [
      ...(run ? [{ ...continueChoice(run), value: 'continue' as const }] : []),
      recommendedChoice(list, where),
      customChoice(),
    ]),
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
  if (path === 'recommended') return { ...chosen, ...recommended(list) };
  const { id, name, base: file } = run!.run.spec;
  const base = baseReference(file);
  return { ...chosen, base, method: 'lora', continues: { run: id, name, base } };
}

/** The base for this machine, or the one in the settings; method and minutes of the settings. */
function recommended(list: BaseList) {
  const [first] = baseChoices(settings.base(), list);
  return { base: first!.value, method: settings.method(), budget: { minutes: settings.minutes() } };
}

function recommendedChoice(list: BaseList, machine: Machine): Choice<Path> {
  const { base, method, budget } = recommended(list);
  const missing = missingMemory(base, method, list);
  const how = method === 'lora' ? 'LoRA' : t('full fine-tuning');
  const time = formatDuration(60 * budget.minutes);
  return {
    label: `$(rocket) ${t('{base} for {time}', { base: baseName(base), time })}`,
    description: `${t('recommended')} · ${how}`,
    detail: missing ? doesNotFit(missing) : (describeCost(base, method, budget, machine) ?? ''),
    value: 'recommended',
  };
}

const customChoice = (): Choice<Path> => ({
  label: `$(settings) ${t('Choose model, method and time…')}`,
  description: '',
  value: 'own',
});
