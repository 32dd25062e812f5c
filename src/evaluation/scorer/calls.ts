/** What the scoring process does for its parent (platform/processes/calls.ts), one call at a time. */
import type { RunSpec } from '../../protocol/run.ts';
import type { Scorer, ScorerOptions } from '../../training/scorer.ts';

/** What to score with; the backend is chosen as for a run, with a fallback if it is not available. */
export type ScorerOpening = Omit<ScorerOptions, 'backend'> & Pick<RunSpec, 'backend' | 'device' | 'planned'>;

export type Precisions = Scorer['backend']['precisions'];

type Scoring = Pick<Scorer, 'tokenLosses' | 'predictions' | 'tokenKl' | 'prepareKl' | 'probabilities'>;

export interface ScorerCalls extends Scoring {
  /** Comes first. The model is loaded when it is first needed. */
  open(opening: ScorerOpening): Promise<Precisions>;
  setStrength(strength: number): Promise<void>;
}
