/** Formats the claims as text for the terminal and as report.md. */
import { formatDifference, formatDuration, formatValue } from '../text/units.ts';
import type { ClaimResult, Effect } from '../protocol/reproduction.ts';
import { formatRate } from '../training/learning-rate/choose.ts';
import { MIN_SEEDS } from './seeds.ts';
import type { Reproduction } from './store.ts';

/** "+0.012 [-0.003, +0.030] nats/token, claimed above 0" */
function effectText(effect: Effect): string {
  const { unit, value, low, high } = effect;
  // Shares and multiples are shown without a sign.
  const show = effect.above === 0 || low < 0 ? formatDifference : formatValue;
  const claimed = claimedText(effect);
  return `${show(value)} [${show(low)}, ${show(high)}]${unit && ` ${unit}`}${claimed && `, ${claimed}`}`;
}

function claimedText({ above, below }: Effect): string {
  if (above !== undefined && below !== undefined) return `claimed ${above} to ${below}`;
  if (above !== undefined) return `claimed above ${above}`;
  return below === undefined ? '' : `claimed below ${below}`;
}

const verdictText = ({ verdict, why }: ClaimResult): string => {
  if (verdict === 'not run') return `not run: ${why}`;
  return verdict === "can't tell" && !why ? "can't tell at this scale" : verdict;
};

/** Why a claim that was run has no verdict, which its effects do not show. */
const undecidedReason = ({ verdict, why }: ClaimResult): string[] =>
  verdict !== 'not run' && why ? [why] : [];

/**
 * A block for each claim: verdict and title, then a line for each effect, and the notes if the verdict is "can't tell".
 */
export function claimsText(results: readonly ClaimResult[]): string {
  const width = Math.max(...results.map((result) => verdictText(result).length).filter((n) => n < 26), 0);
  return results
    .map((result, i) => {
      const lines = result.effects.map((effect) => `     ${effect.name}: ${effectText(effect)}`);
      const notes = result.verdict === "can't tell" ? [...undecidedReason(result), ...result.notes] : [];
      return [
        `${i + 1}. ${verdictText(result).padEnd(width)}  ${result.title}`,
        ...lines,
        ...notes.map((note) => `     ${note}`),
      ].join('\n');
    })
    .join('\n');
}

export function reportMarkdown({ spec, state }: Reproduction, results: readonly ClaimResult[]): string {
  const { base, folder, heldOutWindows, retentionTexts, sequenceLength } = spec;
  const rows = results.map(
    (result, i) =>
      `| ${i + 1}. ${result.title} | ${cell(result.effects)} | **${verdictText(result)}** | ${result.paper} |`,
  );
  const details = results.map((result, i) => {
    const lines = [
      ...result.run.map((line) => `- Run: ${line}`),
      ...result.effects.map((effect) => `- ${effect.name}: ${effectText(effect)}${seedsText(effect)}`),
      ...result.notes.map((note) => `- ${note}`),
    ];
    const verdict = [`${verdictText(result)}.`, ...undecidedReason(result)].join(' ');
    return `### ${i + 1}. ${result.title}\n${verdict}\n\n${lines.join('\n')}\n`;
  });
  const rates = state.rates
    ? `Learning rates: LoRA ${formatRate(state.rates.lora)}, full fine-tuning ${formatRate(state.rates.full)} (${state.rates.why}). `
    : '';
  const steps = state.steps
    ? `Runs have ${state.steps} steps of ${sequenceLength} tokens unless stated otherwise. `
    : '';
  return `# The paper's claims at this scale
${base.id} on ${folder || 'a data set'} (${spec.id}), with a budget of ${formatDuration(60 * spec.budgetMinutes)}. ${rates}${steps}Learning is the loss on ${heldOutWindows} held-out windows, forgetting the KL from the base on ${retentionTexts} texts that it wrote itself.

A claim holds if the 95% intervals of all its deciding effects (over seeds, and over files, texts and problems) lie in the claimed range. It does not hold if one of them lies outside. Otherwise, nothing can be said at this scale. A difference between runs is judged from ${MIN_SEEDS} seeds or more. Other texts and budgets may give other results.

| claim | effect | here | paper |
| --- | --- | --- | --- |
${rows.join('\n')}

## What was run
${details.join('\n')}`;
}

/** " (by seed: +0.012, +0.015, +0.009)" */
const seedsText = ({ bySeed }: Effect): string =>
  bySeed ? ` (by seed: ${bySeed.map(formatValue).join(', ')})` : '';

/** The effects that count towards the verdict. */
const cell = (effects: readonly Effect[]) =>
  effects
    .filter(({ above, below }) => above !== undefined || below !== undefined)
    .map((effect) => `${effect.name}: ${effectText(effect)}`)
    .join('<br>');
