/** What two runs or more were given, and where it is not the same. */
import { moduleNames, tokensPerStep, type RunSpec } from '../../protocol/run.ts';

/** What is shown of a run: what it was asked, and what it came to read. */
export interface Given {
  spec: RunSpec;
  /** Of what it learned from. */
  corpus?: { digest: string; trainTokens: number } | undefined;
  /** That it has, where they were fitted to its minutes. */
  steps?: number;
}

/** Where a run does not have the setting: LoRA's rank in full fine-tuning. */
const NONE = '-';
/** Only LoRA has them. */
const ofLora = ['rank', 'alpha', 'dropout', 'targets', 'scaling'];
/** They change what is seen or how fast, not what is learned. */
const ofNoMatter = ['evalEvery', 'recompute'];

const labels: Record<string, string> = {
  learningRate: 'learning rate',
  attentionDropout: 'attention dropout',
  weightDecay: 'weight decay',
  sequenceLength: 'sequence length',
  accumulate: 'batches per step',
  fimRate: 'fill-in-the-middle',
  fimLoss: 'fill-in-the-middle loss',
  repositoryContext: 'repository context',
  halfLifeDays: 'half-life of a file, days',
  maxTokens: 'most tokens read',
};
/** learningRate as "learning rate". */
const labelOf = (key: string) => labels[key] ?? key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Settings by the name that a person reads, in the order of importance. */
export function settingsOf({ spec, corpus, steps = spec.hyper.steps }: Given): Map<string, string> {
  const { base, imported, continues, minutes } = spec;
  const hyper = { ...spec.hyper, steps };
  const settings = new Map<string, string>();
  const put = (name: string, value: unknown) => {
    if (value !== undefined) settings.set(name, textOf(value));
  };
  put('base', base.id);
  // The same name may stand for another file.
  put('base sha256', base.sha256.slice(0, 12));
  put('folder', spec.folder);
  put('corpus', corpus?.digest.slice(0, 12));
  put('corpus tokens', corpus?.trainTokens);
  for (const [key, value] of Object.entries(hyper))
    if (
      (imported ? ['method', ...ofLora] : Object.keys(hyper)).includes(key) &&
      !ofNoMatter.includes(key) &&
      (hyper.method === 'lora' || !ofLora.includes(key))
    )
      put(labelOf(key), key === 'targets' ? targetsText(value as string[]) : value);
  put('imported from', imported?.from);
  // How it was trained is not known.
  if (imported) return settings;
  put('continues', continues?.run);
  put('minutes', minutes);
  put('tokens trained on', hyper.steps * tokensPerStep(hyper));
  for (const [key, value] of Object.entries(spec.corpus)) {
    // Without instructions, there are no pairs.
    if (key === 'pairs' && spec.corpus.mode !== 'instruct') continue;
    if (Array.isArray(value) && value.length === 0) continue;
    put(key === 'replay' ? 'replay' : labelOf(key), value);
  }
  put('backend', spec.backend);
  put('version', spec.versions['forget-me-not']);
  return settings;
}

/** Settings that are not the same in all, with each one's value; in the order of the first that has it. */
export function differingSettings(all: readonly Given[]): { setting: string; values: string[] }[] {
  const each = all.map(settingsOf);
  const names = [...new Set(each.flatMap((settings) => [...settings.keys()]))];
  return names
    .map((setting) => ({ setting, values: each.map((settings) => settings.get(setting) ?? NONE) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, inner]) => `${labelOf(key)} ${textOf(inner)}`)
      .join(', ');
  return String(value);
}

/** Rates as 3e-4, counts and shares as they are. */
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
