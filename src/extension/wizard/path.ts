/** The first question of the wizard: what is recommended, a run to continue, or one's own choices. */
import type { Machine } from '../../training/memory/defaults.ts';
import { formatDuration } from '../../text/units.ts';
import { t } from '../../text/l10n.ts';
import { settings } from '../settings.ts';
import { baseChoices, baseName, doesNotFit, lackOfMemory, type Offered } from './bases.ts';
import { continueChoice, referenceOf, type Continuing } from './continuing.ts';
import type { Draft } from '../draft.ts';
import { describeCost } from './estimates.ts';
import { back, choose, type Answer, type Choice } from './steps.ts';

type Path = NonNullable<Draft['path']>;

/** Looked up while the user reads. */
export interface LookUps {
  bases: () => Promise<Offered>;
  machine: () => Promise<Machine>;
  continuing: () => Promise<Continuing | undefined>;
}

/** @param place title and position of the question */
export async function askPath(
  plan: Draft,
  place: { title: string; step: number; steps: number },
  { bases, machine, continuing }: LookUps,
): Promise<Answer<Draft>> {
  const looking = Promise.all([bases(), machine(), continuing()]);
  const path = await choose<Path>({
    ...place,
    placeholder: t('What should the model learn, and how?'),
    choices: looking.then(([offered, where, run]) => [
      ...(run ? [{ ...continueChoice(run), value: 'continue' as const }] : []),
      recommendedChoice(offered, where),
      own(),
    ]),
    meanwhile: [
      { label: `$(loading~spin) ${t('Looking for what suits this machine')}`, value: undefined },
      own(),
    ],
    preferred: plan.path === 'continue' ? undefined : plan.path,
  });
  if (path === back || path === undefined) return path;
  const chosen: Draft = { ...plan, path, continues: undefined };
  // Nobody waits for what was looked up; a failure is told where it is needed.
  if (path === 'own') return chosen;
  const [offered, , run] = await looking;
  if (path === 'recommended') return { ...chosen, ...recommended(offered) };
  const { id, name, base: file } = run!.run.spec;
  const base = referenceOf(file);
  return { ...chosen, base, method: 'lora', continues: { run: id, name, base } };
}

/** The base for this machine, or the one in the settings; method and minutes of the settings. */
function recommended(offered: Offered) {
  const [first] = baseChoices(settings.base, offered);
  return { base: first!.value, method: settings.method, budget: { minutes: settings.minutes } };
}

function recommendedChoice(offered: Offered, machine: Machine): Choice<Path> {
  const { base, method, budget } = recommended(offered);
  const lack = lackOfMemory(base, method, offered);
  const how = method === 'lora' ? 'LoRA' : t('full fine-tuning');
  const time = formatDuration(60 * budget.minutes);
  return {
    label: `$(rocket) ${t('{base} for {time}', { base: baseName(base), time })}`,
    description: `${t('recommended')} · ${how}`,
    detail: lack ? doesNotFit(lack) : (describeCost(base, method, budget, machine) ?? ''),
    value: 'recommended',
  };
}

const own = (): Choice<Path> => ({
  label: `$(settings) ${t('Choose model, method and time…')}`,
  description: '',
  value: 'own',
});
