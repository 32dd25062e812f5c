/** What figures are called on the screen, and which figure plays which part. */

const tasks: Record<string, string> = {
  workspace: 'Held-out',
  humaneval: 'HumanEval',
};

const metrics: [RegExp, string][] = [
  [/^loss$/i, 'loss'],
  [/bits.?per.?byte/i, 'bits per byte'],
];

/** "Held-out loss", "HumanEval pass@1", "KL from base"; what is unknown keeps its own name. */
export function figureLabel(task: string, metric: string): string {
  if (isKl(metric)) return 'KL from base';
  if (task === 'retention' && metric === 'loss') return "Loss on the base's own text";
  const known = metrics.find(([pattern]) => pattern.test(metric))?.[1];
  return `${tasks[task] ?? task} ${known ?? metric}`;
}

export const isHeldOut = (task: string) => task === 'workspace';
export const isHeldOutLoss = (task: string, metric: string) => isHeldOut(task) && /^loss$/i.test(metric);
export const isPassAtK = (metric: string) => /^pass@\d+$/i.test(metric);
export const isKl = (metric: string) => /^kl/i.test(metric);
