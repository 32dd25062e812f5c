/** The first thing shown in the panel: whether the result is better than before, why, and the next step. */
import { findKnownBase } from '../../src/base-models/registry.ts';
import { beforeName, beforeOf, isBefore } from '../../src/findings/before.ts';
import { verdictIn, verdictOf, type Verdict } from '../../src/findings/verdict.ts';
import { joined, percent, t } from '../../src/text/l10n.ts';
import type { PanelView, RunView } from './panel.ts';

export interface VerdictView {
  kind: Verdict['kind'];
  sentence: string;
  /** What this means for completion; empty if the step says it. */
  consequence: string;
  /** What "before" and "held out" mean for this run. */
  meaning: string;
  /** The only button: use the result, measure it, or complete with the base as it is. */
  step: 'use' | 'measure' | 'base' | undefined;
  isInUse: boolean;
}

/** Undefined while there is no result to judge. */
export function verdictView({ run, inUse, withReference = false }: PanelView): VerdictView | undefined {
  if (!run) return undefined;
  const { status, snapshot } = run;
  const { spec } = snapshot;
  const verdict = verdictOf(snapshot.summary);
  const ended = status.kind === 'done' || status.canMeasure;
  // Too little may have been measured so far.
  if (!ended && (!snapshot.summary || (status.live && verdict.kind === 'not measured'))) return undefined;
  // Then it is not `inUse`, even if it completed code until now.
  const other = inUse !== undefined && inUse !== run.id && !isBefore(spec, { id: inUse, withReference });
  const refused = snapshot.summary && !status.canUse && !status.live;
  return {
    kind: verdict.kind,
    sentence: verdictIn(verdict, other ? beforeName(spec, baseName(spec.base.id)) : undefined),
    consequence: !refused
      ? ''
      : inUse
        ? t('It is not offered for completion, so your code is completed as before.')
        : t('It is not offered for completion.'),
    meaning: joined([
      explainTerms(run),
      baseAlone(run),
      isMentioned('HumanEval', verdict) ? humanEval() : '',
    ]),
    step: stepOf(run, verdict, inUse),
    isInUse: inUse === run.id,
  };
}

function stepOf({ id, status }: RunView, { kind }: Verdict, inUse: string | undefined): VerdictView['step'] {
  const isInUse = inUse === id;
  if (status.canUse && !isInUse && kind === 'better') return 'use';
  if (status.canMeasure && kind !== 'better') return 'measure';
  if (status.canUse && !isInUse) return 'use';
  // Don't suggest replacing the current model, unless it is this result.
  return kind !== 'better' && !status.live && (isInUse || !inUse) ? 'base' : undefined;
}

const isMentioned = (word: string, { why }: Verdict): boolean => why.includes(word);

/** Explains it to users who have never heard of it. */
export const humanEval = (): string =>
  t('HumanEval: small programming problems in Python, with tests; a common benchmark.');

/** "qwen2.5-coder-0.5b.gguf" for a base given as a file. */
const baseName = (id: string): string => findKnownBase(id)?.name ?? id.split(/[\\/]/).at(-1)!;

const baseAlone = ({ snapshot: { spec } }: RunView): string =>
  beforeOf(spec) === 'base'
    ? ''
    : t('Forgetting (HumanEval, KL) is measured against the base alone, {base}.', {
        base: baseName(spec.base.id),
      });

function explainTerms({ snapshot: { spec, corpus } }: RunView): string {
  const before = beforeName(spec, baseName(spec.base.id));
  const all = corpus && corpus.trainTokens + corpus.heldOutTokens;
  return joined([
    beforeOf(spec) === 'base'
      ? t('Base: {base} as it was before training.', { base: before })
      : t('Before: {before}.', { before }),
    all && corpus.heldOutTokens
      ? t('Held out: {share} of your text, kept out of training to test both on.', {
          share: percent(corpus.heldOutTokens / all),
        })
      : '',
  ]);
}
