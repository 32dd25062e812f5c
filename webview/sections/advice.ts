import { t } from '../../src/text/l10n.ts';
import { h, Keyed } from '../dom.ts';
import { advise } from '../view-model/advice.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** What to try next, and the metrics that it is based on. */
export class AdviceSection implements Section {
  private readonly holder = h('div');
  private readonly content = new Keyed(this.holder);
  readonly element = h('section', { class: 'advice' }, h('h2', {}, t('What to try next')), this.holder);

  update(view: PanelView): void {
    this.element.hidden = !view.run;
    if (!view.run) return;
    const found = advise(view);
    this.content.update(found, () =>
      found.advice.length
        ? [
            h(
              'ul',
              {},
              ...found.advice.map(({ text, because }) =>
                h('li', {}, text, ' ', h('span', { class: 'faint' }, because)),
              ),
            ),
          ]
        : [h('p', { class: 'faint' }, found.none)],
    );
  }
}
