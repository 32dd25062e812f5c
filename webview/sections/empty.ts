import { t, titleIn } from '../../src/text/l10n.ts';
import { h } from '../dom.ts';
import { button } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Actions, Section } from './section.ts';

export class EmptySection implements Section {
  private readonly start = button(titleIn({ id: 'train' }), () =>
    this.actions.take({ id: 'train', subject: '' }),
  );
  readonly element = h(
    'section',
    { class: 'empty', 'aria-label': t('No runs') },
    h('h2', {}, t('No runs yet')),
    h(
      'p',
      { class: 'faint' },
      t(
        'Training runs on your own machine. This panel shows what was learned and what was forgotten, during training and after it.',
      ),
    ),
    h('p', {}, this.start),
  );

  constructor(private readonly actions: Pick<Actions, 'take'>) {}

  update({ run, canAct }: PanelView): void {
    this.element.hidden = run !== undefined;
    this.start.hidden = !canAct;
  }
}
