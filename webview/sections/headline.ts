import { h, setText } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** The result in one sentence: what was learned and what was forgotten. */
export class HeadlineSection implements Section {
  private readonly sentence = h('p', { class: 'sentence', id: 'sentence' });
  readonly element = h('section', { 'aria-label': 'Result in one sentence' }, this.sentence);

  update({ run }: PanelView): void {
    const sentence = run?.snapshot.summary?.sentence;
    this.element.hidden = !sentence;
    setText(this.sentence, sentence ?? '');
  }
}
