import { sentenceIn } from '../../src/evaluation/figures/summary-sentence.ts';
import { t } from '../../src/protocol/l10n.ts';
import { h, setText } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** The result in one sentence: what was learned and what was forgotten. */
export class HeadlineSection implements Section {
  private readonly sentence = h('p', { class: 'sentence', id: 'sentence' });
  readonly element = h('section', { 'aria-label': t('Result in one sentence') }, this.sentence);

  update({ run }: PanelView): void {
    const summary = run?.snapshot.summary;
    const sentence = summary ? sentenceIn(summary) : '';
    this.element.hidden = !sentence;
    setText(this.sentence, sentence);
  }
}
