import type { NextStep } from '../../src/protocol/next-step.ts';
import type { PanelView } from '../view-model/panel.ts';

export interface Section {
  readonly element: HTMLElement;
  /** Called for every snapshot: shows it in place, or hides the section when it has nothing to show. */
  update(view: PanelView): void;
}

export interface Actions {
  select(run: string): void;
  /** These runs beside the selected one. */
  showBeside(runs: string[]): void;
  stop(run: string): void;
  measure(run: string): void;
  useForCompletion(run: string): void;
  setStrength(run: string, strength: number): void;
  /** Something that the person chose in a section is another: it is to be kept. */
  changed(): void;
  /** What a text says can be done next. */
  take(step: NextStep): void;
}
