import { t, whole } from '../../src/text/l10n.ts';
import { h, Keyed } from '../dom.ts';
import { corpusView } from '../view-model/facts.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** How many files or rows were trained on, how many were left out, and why. */
export class CorpusSection implements Section {
  private readonly holder = h('div');
  private readonly content = new Keyed(this.holder);
  readonly element = h('section', { class: 'corpus' }, h('h2', {}, t('Corpus')), this.holder);

  update({ run }: PanelView): void {
    const { corpus, spec } = run?.snapshot ?? {};
    this.element.hidden = !corpus;
    if (!corpus || !spec) return;
    this.content.update(corpus, () => {
      const { sentence, leftOut } = corpusView(corpus, spec);
      return [
        h('p', {}, sentence),
        leftOut.length > 0 &&
          h(
            'ul',
            { class: 'reasons', 'aria-label': t('Left out, by reason') },
            ...leftOut.map(({ reason, count }) => h('li', {}, `${reason}: ${whole(count)}`)),
          ),
      ];
    });
  }
}
