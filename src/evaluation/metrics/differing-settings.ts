/** The settings of two or more runs, and which of them differ. */
import { strengthInFile } from '../../findings/strength-rule.ts';
import type { Summary } from '../../protocol/evaluation.ts';
import { describeFolders } from '../../protocol/folders.ts';
import { moduleNames, tokensPerStep, type RunSpec } from '../../protocol/run.ts';

/** The data of a run from which settings are read. */
export interface RunSettings {
  spec: RunSpec;
  /** The corpus it was trained on. */
  corpus?: { digest: string; trainTokens: number } | undefined;
  /** Number of steps, if derived from its time budget. */
  steps?: number;
  /** Which strength was chosen or set. */
  summary?: Pick<Summary, 'choice' | 'givenStrength'>;
}

/** Shown if a run does not have the setting, such as LoRA's rank in full fine-tuning. */
const NONE = '-';
/** Settings that only LoRA has. */
const loraSettings = ['rank', 'alpha', 'dropout', 'targets', 'scaling'];
/** Settings that change only what is shown or the speed, not what is learned. */
export const irrelevantSettings = ['evalEvery', 'recompute'];

/** The others' names are made of their keys: learningRate is "learning rate". */
const settingLabels: Record<string, string> = {
  accumulate: 'batches per step',
  fimRate: 'fill-in-the-middle',
  fimLoss: 'fill-in-the-middle loss',
  halfLifeDays: 'half-life of a file, days',
  maxTokens: 'most tokens read',
  optimizer: 'optimiser',
};
/** The display name of a key of the run's schemas; the panel translates it. */
export const settingLabel = (key: string) =>
  settingLabels[key] ?? key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Settings by display name, in order of importance. */
export function listSettings({
  spec,
  corpus,
  steps = spec.hyper.steps,
  summary = {},
}: RunSettings): Map<string, string> {
  const { base, continues, minutes } = spec;
  const imported = spec.fetched ? undefined : spec.imported;
  const hyper = { ...spec.hyper, steps };
  const settings = new Map<string, string>();
  const put = (name: string, value: unknown) => {
    if (value !== undefined) settings.set(name, formatValue(value));
  };
  put('base', base.id);
  // The same name may refer to different files.
  put('base sha256', base.sha256.slice(0, 12));
  put('folder', describeFolders(spec));
  put('corpus', corpus?.digest.slice(0, 12));
  put('corpus tokens', corpus?.trainTokens);
  for (const [key, value] of Object.entries(hyper))
    if (
      (imported ? ['method', ...loraSettings] : Object.keys(hyper)).includes(key) &&
      !irrelevantSettings.includes(key) &&
      (hyper.method === 'lora' || !loraSettings.includes(key))
    )
      put(settingLabel(key), key === 'targets' ? targetsText(value as string[]) : value);
  if (hyper.method === 'lora') put('strength', strengthInFile(spec.evaluation.strength, summary));
  put('imported from', imported?.from);
  put('fetched from', spec.imported && spec.fetched && spec.imported.from);
  // How an imported adapter was trained is unknown.
  if (imported) return settings;
  put('continues', continues?.run);
  put('begins with', (spec.reference ?? spec.fetched?.reference) ? 'the reference adapter' : undefined);
  put('minutes', minutes);
  put('tokens trained on', hyper.steps * tokensPerStep(hyper));
  for (const [key, value] of Object.entries(spec.corpus)) {
    // Instruction pairs exist only in instruct mode.
    if (key === 'pairs' && spec.corpus.mode !== 'instruct') continue;
    if (Array.isArray(value) && value.length === 0) continue;
    put(settingLabel(key), value);
  }
  put('backend', spec.backend);
  put('version', spec.versions['forget-me-not']);
  return settings;
}

/** Settings that differ between the runs, with the value of each run, in the order of the first run that has them. */
export function differingSettings(all: readonly RunSettings[]): { setting: string; values: string[] }[] {
  const allSettings = all.map(listSettings);
  const names = [...new Set(allSettings.flatMap((settings) => [...settings.keys()]))];
  return names
    .map((setting) => ({ setting, values: allSettings.map((settings) => settings.get(setting) ?? NONE) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function formatValue(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(formatValue).join(', ');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, inner]) => `${settingLabel(key)} ${formatValue(inner)}`)
      .join(', ');
  return String(value);
}

/** Small numbers as 3e-4, others unchanged. */
const numberText = (value: number) =>
  value !== 0 && Math.abs(value) < 0.01
    ? Number(value.toPrecision(3)).toExponential().replace('+', '')
    : String(value);

const attention = ['q', 'k', 'v', 'o'];
function targetsText(targets: readonly string[]): string {
  const is = (names: readonly string[]) => targets.toSorted().join() === names.toSorted().join();
  if (is(moduleNames)) return 'all';
  if (is(attention)) return 'attention';
  if (is(moduleNames.filter((name) => !attention.includes(name)))) return 'mlp';
  return targets.join(', ');
}
