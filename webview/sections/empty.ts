import { h } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

export class EmptySection implements Section {
  readonly element = h(
    'section',
    { class: 'empty', 'aria-label': 'No runs' },
    h('h2', {}, 'No runs yet'),
    h(
      'p',
      {},
      'Open the command palette and run ',
      h('strong', {}, 'Forget-Me-Not: Fine-tune on Workspace'),
      '.',
    ),
    h(
      'p',
      { class: 'faint' },
      'Training runs on your own machine. This panel shows what was learned and what was forgotten, during training and after it.',
    ),
  );

  update({ run }: PanelView): void {
    this.element.hidden = run !== undefined;
  }
}
