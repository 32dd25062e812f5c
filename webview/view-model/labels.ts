/** Labels of metrics and runs, and which metrics show learning or forgetting. */
import { t, tKnown } from '../../src/text/l10n.ts';
import { CURSORS, nameOfMetric, offeredMetrics } from '../../src/protocol/evaluation.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { isAgainstBase } from '../../src/findings/before.ts';
import { factsOfTask, showsLearning } from '../../src/findings/task-facts.ts';
import { formatRate, formatTime, isShare, stepCount } from './format.ts';

const metrics: [RegExp, string][] = [
  [/^loss$/i, 'loss'],
  [/^bits.?per.?byte/i, 'bits per byte'],
  [/^acc$/, 'accuracy'],
  [/^acc_norm$/, 'accuracy by length'],
];

/** Translatable names of metrics; others, such as "pass@1", are the same in every language. */
export const metricNames = [
  ...metrics.map(([, name]) => name),
  'average',
  'exact match',
  'loss of solutions',
  'unique programs',
  'unique passing',
  'unique failing',
  'prose bits per byte',
  'older code bits per byte',
  'new code bits per byte',
  'line exact match',
  'line edit similarity',
  'block exact match',
  'block edit similarity',
  'characters saved',
  'latency',
  'edit similarity',
  ...offeredMetrics.map(nameOfMetric),
  'identifier exact match',
  'identifier F1',
  'pass@1 plus',
  'pass@10 plus',
];

const metricName = (metric: string): string =>
  tKnown(metrics.find(([pattern]) => pattern.test(metric))?.[1] ?? nameOfMetric(metric));

/** "Held-out loss", "HumanEval pass@1", "KL from base"; unknown metrics keep their own name. */
export function metricLabel(task: string, metric: string): string {
  if (isKl(metric)) return t('KL from base');
  if (task === 'retention') {
    if (metric === 'loss') return t("Loss on the base's own text");
    if (metric === 'source loss') return t('Loss on source text');
    if (metric === 'source KL from base') return t('KL from base on source text');
  }
  const name = metricName(metric);
  if (task === 'forgetting') return t('Forgetting {metric}', { metric: name });
  if (task === 'workspace' || task === CURSORS) return t('Held-out {metric}', { metric: name });
  if (task === 'commits') return t('In later commits: {metric}', { metric: name });
  return `${tKnown(factsOfTask(task)?.title ?? task)} ${name}`;
}

/** What a result is compared with: elsewhere than on the run's own text, that is the base. */
export const beforeLabel = ({ spec }: Pick<RunSnapshot, 'spec'>, task: string) =>
  isAgainstBase(spec, task) ? t('base alone') : t('before');

export const isHeldOutLoss = (task: string, metric: string) => task === 'workspace' && /^loss$/i.test(metric);
export const isPassAtK = (metric: string) => /^pass@\d+$/i.test(metric);
export const isKl = (metric: string) => /^kl/i.test(metric);
const isAnyKl = (metric: string) => /\bkl\b/i.test(metric);
/** Metrics that show forgetting: all that don't show learning, except counts of unique programs. */
export const showsForgetting = (task: string, metric: string) => !showsLearning(task) && !isUnique(metric);
export const isUnique = (metric: string) => /^unique /.test(metric);

export const unitOf = (metric: string) =>
  isShare(metric)
    ? t('points')
    : isAnyKl(metric) || /loss/i.test(metric)
      ? t('nats/token')
      : isUnique(metric)
        ? t('programs')
        : '';

/** "LoRA r=16" or "full fine-tuning". */
export function methodName({ hyper }: RunSnapshot['spec']): string {
  return hyper.method === 'lora' ? `LoRA r=${hyper.rank}` : t('full fine-tuning');
}

type LabelPart = (run: RunSnapshot) => string;
const byName: LabelPart = ({ spec }) => spec.name;
const byMethod: LabelPart = ({ spec }) => methodName(spec);
const byRate: LabelPart = ({ spec }) =>
  spec.imported ? t('imported') : t('rate {rate}', { rate: formatRate(spec.hyper.learningRate) });
const bySteps: LabelPart = ({ spec, state }) => (spec.imported ? '' : stepCount(state.steps));
const byTime: LabelPart = ({ spec }) => formatTime(spec.createdAt);
const byId: LabelPart = ({ spec }) => spec.id;

/**
 * Labels with only the parts in which the shown runs differ, such as "LoRA r=16" and "full fine-tuning"; for one run,
 * its name and method.
 */
export function shownLabels(runs: readonly RunSnapshot[]): Map<string, string> {
  if (runs.length < 2) return runLabels(runs);
  const parts = [byName, byMethod, ({ spec }: RunSnapshot) => spec.base.id, byRate, bySteps, byTime, byId];
  const texts = runs.map((): string[] => []);
  for (const part of parts) {
    if (new Set(texts.map(String)).size === runs.length) break;
    const values = runs.map(part);
    if (new Set(values).size > 1) values.forEach((value, at) => value && texts[at]!.push(value));
  }
  return new Map(runs.map(({ spec }, at) => [spec.id, texts[at]!.join(', ')]));
}

/** The shortest unique label for each run: name and method, then, if needed, rate, time and id. */
export function runLabels(runs: readonly RunSnapshot[]): Map<string, string> {
  const nameAndMethod: LabelPart = (run) => `${byName(run)}, ${byMethod(run)}`;
  const parts = [nameAndMethod, byRate, byTime, byId];
  const labels = new Map<string, string>();
  const name = (group: readonly RunSnapshot[], begun: string, [part, ...rest]: typeof parts): void => {
    const groups = new Map<string, RunSnapshot[]>();
    for (const run of group) {
      const label = [begun, part!(run)].filter(Boolean).join(', ');
      groups.set(label, [...(groups.get(label) ?? []), run]);
    }
    for (const [label, same] of groups) {
      // A part that is the same for all is omitted.
      const next = groups.size === 1 && begun ? begun : label;
      if (same.length > 1 && rest.length) name(same, next, rest);
      else for (const { spec } of same) labels.set(spec.id, next);
    }
  };
  name(runs, '', parts);
  return labels;
}
