import type { NextStep } from '../../src/text/next-step.ts';
import type { PanelView } from '../view-model/panel.ts';

export interface Section {
  readonly element: HTMLElement;
  /** Called for every change: updates the section in place, or hides it if it has nothing to show. */
  update(view: PanelView): void;
}

export interface Actions {
  select(run: string): void;
  /** Shows these runs in comparison with the selected one. */
  compareWith(runs: string[]): void;
  useForCompletion(run: string): void;
  /** Completes code with an untuned base. */
  completeUntuned(): void;
  setStrength(run: string, strength: number): void;
  /** A choice of the user in a section has changed and must be stored. */
  changed(): void;
  /** Takes a next step, such as one that a text names. */
  take(step: NextStep): void;
}
