/** What the process that scores does for its parent (platform/processes/calls.ts), one call after the other. */
import type { RunSpec } from '../../protocol/run.ts';
import type { Scorer, ScorerOptions } from '../../training/scorer.ts';

/** What to score with; the backend is chosen as for a run, and another one is used if that one is not there. */
export type ScorerOpening = Omit<ScorerOptions, 'backend'> & Pick<RunSpec, 'backend' | 'device' | 'planned'>;

export type Precisions = Scorer['backend']['precisions'];

type Scoring = Pick<Scorer, 'tokenLosses' | 'predictions' | 'tokenKl' | 'expectKl' | 'probabilities'>;

export interface ScorerCalls extends Scoring {
  /** Comes first. The model is loaded when it is first needed. */
  open(opening: ScorerOpening): Promise<Precisions>;
  setStrength(strength: number): Promise<void>;
}
