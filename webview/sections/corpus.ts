import { h, Keyed } from '../dom.ts';
import { corpusView } from '../view-model/facts.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** Which files were trained on, which were not, and why. */
export class CorpusSection implements Section {
  private readonly holder = h('div');
  private readonly content = new Keyed(this.holder);
  readonly element = h('section', { class: 'corpus' }, h('h2', {}, 'Files'), this.holder);

  update({ run }: PanelView): void {
    const corpus = run?.snapshot.corpus;
    this.element.hidden = !corpus;
    if (!corpus) return;
    this.content.update(corpus, () => {
      const { sentence, leftOut } = corpusView(corpus);
      return [
        h('p', {}, sentence),
        leftOut.length > 0 &&
          h(
            'ul',
            { class: 'reasons', 'aria-label': 'Left out, by reason' },
            ...leftOut.map(({ reason, count }) => h('li', {}, `${reason}: ${count.toLocaleString('en')}`)),
          ),
      ];
    });
  }
}
