import { t, titleIn } from '../../src/text/l10n.ts';
import { h, setAttribute, setText } from '../dom.ts';
import { button } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';
import { verdictView, type VerdictView } from '../view-model/verdict.ts';
import type { Actions, Section } from './section.ts';

const signs = { better: '\u2713', 'not better': '=', 'too little code': '?', 'not measured': '?' };

/** Whether the result is better than the base, why, and the next step as one button. */
export class VerdictSection implements Section {
  private readonly sign = h('span', { class: 'sign', 'aria-hidden': 'true' });
  private readonly sentence = h('p', { class: 'sentence', role: 'status' });
  private readonly consequence = h('p');
  private readonly meaning = h('p', { class: 'faint' });
  private readonly inUse = h('p', { class: 'in-use' }, t('In use for completion'));
  private readonly steps: Record<NonNullable<VerdictView['step']>, HTMLElement>;
  readonly element: HTMLElement;
  private run = '';

  constructor({ useForCompletion, take, completeUntuned }: Actions) {
    this.steps = {
      use: button(t('Use for completion'), () => useForCompletion(this.run), 'primary'),
      measure: button(
        titleIn({ id: 'evaluate' }),
        () => take({ id: 'evaluate', subject: this.run }),
        'primary',
      ),
      base: button(t('Complete Code Without Training'), completeUntuned, 'primary'),
    };
    this.element = h(
      'section',
      { class: 'verdict-card', 'aria-label': t('Verdict') },
      this.sign,
      h('div', {}, this.sentence, this.consequence, this.meaning),
      h('div', { class: 'step' }, this.inUse, ...Object.values(this.steps)),
    );
  }

  update(view: PanelView): void {
    const verdict = verdictView(view);
    this.element.hidden = !verdict;
    if (!verdict || !view.run) return;
    this.run = view.run.id;
    setAttribute(this.element, 'data-verdict', verdict.kind);
    setText(this.sign, signs[verdict.kind]);
    setText(this.sentence, verdict.sentence);
    setText(this.consequence, verdict.consequence);
    this.consequence.hidden = !verdict.consequence;
    setText(this.meaning, verdict.meaning);
    this.inUse.hidden = !verdict.isInUse;
    for (const [step, element] of Object.entries(this.steps))
      element.hidden = !view.canAct || step !== verdict.step;
  }
}
