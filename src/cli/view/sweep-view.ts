/** The output of a sweep: its progress, a line for each trial, and finally a table with a sentence summarising it. */
import type { Hyper } from '../../protocol/run.ts';
import type { SweepProgress } from '../../protocol/sweep.ts';
import { formatDifferenceInterval } from '../../text/units.ts';
import { formatRate, methodName } from '../../training/learning-rate/choose.ts';
import type { MethodResult, RateResult } from '../../training/sweep/choice.ts';
import { formatDuration, formatTable } from './format.ts';
import { LiveLine, print, printProgress } from './output.ts';

export interface SweepView {
  progress(progress: SweepProgress): void;
  trial(method: Hyper['method'], result: RateResult): void;
  /** Leaves the cursor at the start of a free line. */
  end(): void;
}

export const sweepView = ({ json }: { json: boolean }): SweepView =>
  json ? jsonView : new LiveLine(process.stdout).live ? new LiveView() : plainView;

const phaseText = ({ method, learningRate, trial, trials, step }: SweepProgress) =>
  `Trial ${trial} of ${trials}, ${methodName(method)} at ${formatRate(learningRate)}${step ? '' : ': getting ready'}`;

const jsonView: SweepView = {
  progress(at) {
    printProgress({
      phase: phaseText(at),
      done: (at.trial - 1) * at.steps + at.step,
      total: at.trials * at.steps,
      unit: 'steps',
      ...(at.etaSeconds !== undefined && { etaSeconds: at.etaSeconds }),
    });
  },
  trial() {},
  end() {},
};

const plainView: SweepView = {
  progress(at) {
    if (at.step) return;
    const eta = at.etaSeconds ? `, about ${formatDuration(at.etaSeconds)} left` : '';
    print(`${phaseText(at).replace(/:.*/, '')}${eta}`);
  },
  trial: (_, result) => print(`  ${outcome(result)}`),
  end() {},
};

/** One line that rewrites itself, below the lines of finished trials. */
class LiveView implements SweepView {
  private readonly line = new LiveLine(process.stdout);

  progress(at: SweepProgress): void {
    const step = at.step ? `: step ${at.step} of ${at.steps}, loss ${at.loss!.toFixed(3)}` : '';
    const eta = at.etaSeconds ? `, about ${formatDuration(at.etaSeconds)} left` : '';
    this.line.show(`${phaseText(at)}${step}${eta}`);
  }
  trial(method: Hyper['method'], result: RateResult): void {
    this.line.print(`${methodName(method)} at ${formatRate(result.learningRate)}: ${outcome(result)}`);
  }
  end(): void {
    this.line.clear();
  }
}

const change = ({ change: difference }: RateResult) =>
  difference ? formatDifferenceInterval(difference) : '';

function outcome(result: RateResult): string {
  const { diverged, heldOut } = result;
  if (diverged) return `diverged at step ${diverged.step}: ${diverged.why}`;
  return `held-out loss ${heldOut!.value.toFixed(3)}, ${change(result)} from the base's`;
}

/** A row for each rate, lowest first. */
export function sweepTable(results: readonly MethodResult[]): string[] {
  const rows = results.flatMap((result) => [
    [methodName(result.method), 'base', result.base?.value.toFixed(3) ?? '', '', '', ''],
    ...result.rates.map((rate) => [
      '',
      formatRate(rate.learningRate),
      rate.heldOut?.value.toFixed(3) ?? '',
      change(rate),
      rate.kl?.toFixed(3) ?? '',
      outcomeText(rate, result),
    ]),
  ]);
  const head = ['', 'rate', 'held-out loss', 'change [95%]', 'KL from base', ''];
  // The last column is left-aligned.
  const last = Math.max(...rows.map((row) => row[5]!.length));
  return formatTable([head, ...rows].map((row) => [...row.slice(0, 5), row[5]!.padEnd(last)])).map((line) =>
    line.trimEnd(),
  );
}

function outcomeText({ learningRate, diverged, verdict }: RateResult, { chosen }: MethodResult): string {
  if (diverged) return `diverged at step ${diverged.step}`;
  if (learningRate === chosen) return 'stable, chosen';
  return verdict === 'worse' ? 'learned less' : 'stable';
}

/** "LoRA: 1e-3 learned as much as the best rate and forgot least; from 3e-3 on it diverges (at step 12: ...)." */
export function sweepSentence({ method, chosen, divergesFrom, rates }: MethodResult): string {
  const name = methodName(method).replace(/^f/, 'F');
  const point = rates.find(({ learningRate }) => learningRate === divergesFrom);
  const where =
    point?.diverged &&
    `${formatRate(point.learningRate)} on it diverges (at step ${point.diverged.step}: ${point.diverged.why})`;
  if (chosen === undefined) return `${name}: no rate is stable; from ${where}.`;
  const chosenText = `${name}: ${formatRate(chosen)} learned as much as the best rate and forgot least`;
  if (where) return `${chosenText}; from ${where}.`;
  const highest = rates.at(-1)!.learningRate;
  return `${chosenText}; no rate up to ${formatRate(highest)} diverged.`;
}

/** LoRA's chosen rate divided by that of full fine-tuning; undefined unless both have one. */
export function rateRatio(results: readonly MethodResult[]): number | undefined {
  const chosen = (method: Hyper['method']) => results.find((result) => result.method === method)?.chosen;
  const lora = chosen('lora');
  const full = chosen('full');
  return lora !== undefined && full !== undefined ? Number((lora / full).toPrecision(3)) : undefined;
}
