import { t, titleIn } from '../../src/protocol/l10n.ts';
import { h } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

const PLACE = '\u0000';
const command = () => `Forget-Me-Not: ${titleIn({ id: 'train' })}`;

/** A text with an element in the place of a part of it. */
function around(text: string, part: string, element: HTMLElement): (Node | string)[] {
  const [before = '', after = ''] = text.split(part);
  return [before, element, after];
}

export class EmptySection implements Section {
  readonly element = h(
    'section',
    { class: 'empty', 'aria-label': t('No runs') },
    h('h2', {}, t('No runs yet')),
    h(
      'p',
      {},
      ...around(
        t('Open the command palette and run {command}.', { command: PLACE }),
        PLACE,
        h('strong', {}, command()),
      ),
    ),
    h(
      'p',
      { class: 'faint' },
      t(
        'Training runs on your own machine. This panel shows what was learned and what was forgotten, during training and after it.',
      ),
    ),
  );

  update({ run }: PanelView): void {
    this.element.hidden = run !== undefined;
  }
}
