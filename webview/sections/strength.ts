import { t, withPoint } from '../../src/protocol/l10n.ts';
import { h, Keyed, scrollable, setAttribute, setText } from '../dom.ts';
import { button } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';
import { strengthView, type StrengthStop, type StrengthView } from '../view-model/strength.ts';
import type { Actions, Section } from './section.ts';

const head = () => [
  t('Strength'),
  t('Your code, bits per byte'),
  t('Moved from the base, nats per token'),
  t("HumanEval's solutions, nats per token"),
  '',
];

/** A slider over the measured strengths, and what was learned and forgotten at each. */
export class StrengthSection implements Section {
  private readonly slider = h('input', { type: 'range', id: 'strength', min: '0', step: '1' });
  /** The text for the slider's position; screen readers get it from the slider itself. */
  private readonly shown = h('output', { for: 'strength', 'aria-hidden': 'true' });
  private readonly use;
  private readonly sentence = h('p');
  private readonly body = h('tbody');
  private readonly rows = new Keyed(this.body);
  readonly element: HTMLElement;
  private run = '';
  /** The data for which the slider was placed: until they change, it stays where the user moved it. */
  private placed = '';
  private view: StrengthView | undefined;
  private canAct = false;

  constructor(actions: Actions) {
    this.use = button(
      t('Use This Strength'),
      () => {
        const stop = this.stop;
        if (stop) actions.setStrength(this.run, stop.strength);
      },
      'primary',
    );
    this.slider.addEventListener('input', () => this.moved());
    this.element = h(
      'section',
      { class: 'strength' },
      h('h2', {}, h('label', { for: 'strength' }, t('Strength: how much of the trained change is applied'))),
      this.sentence,
      h('div', { class: 'strength-line' }, this.slider, this.shown, this.use),
      scrollable(
        t('Table of strengths'),
        h(
          'table',
          {},
          h('caption', { class: 'visually-hidden' }, t('What was learned and forgotten at each strength')),
          h('thead', {}, h('tr', {}, ...head().map(headCell))),
          this.body,
        ),
      ),
      h(
        'p',
        { class: 'faint' },
        t(
          'The trained change can be applied in full (strength 1) or in part: a lower strength keeps less of what was learned and forgets less. All figures are differences from the base; lower is better in every column. In brackets: 95% intervals.',
        ),
      ),
    );
  }

  update({ run, canAct }: PanelView): void {
    this.view = run && strengthView(run);
    this.element.hidden = !this.view;
    if (!run || !this.view) return;
    this.run = run.id;
    this.canAct = canAct;
    const { stops, at, sentence } = this.view;
    setText(this.sentence, sentence);
    this.rows.update(stops, () => stops.map(row));
    const placed = JSON.stringify([run.id, stops.map(({ strength, mark }) => [strength, mark])]);
    if (placed !== this.placed) {
      setAttribute(this.slider, 'max', String(stops.length - 1));
      this.slider.value = String(at);
    }
    this.placed = placed;
    this.moved();
  }

  private get stop(): StrengthStop | undefined {
    return this.view?.stops[Number(this.slider.value)];
  }

  private moved(): void {
    const { stop } = this;
    if (!stop) return;
    setAttribute(this.slider, 'aria-valuetext', stop.words);
    setText(this.shown, stop.words);
    [...this.body.children].forEach((one, index) =>
      one.classList.toggle('at', index === Number(this.slider.value)),
    );
    this.use.hidden = !this.canAct || !this.view!.canSet || stop.isInUse;
  }
}

const headCell = (text: string) =>
  text ? h('th', { scope: 'col' }, text) : h('td', {}, h('span', { class: 'visually-hidden' }, t('Which')));

const row = ({ strength, learned, forgot, solutions, mark }: StrengthStop) =>
  h(
    'tr',
    {},
    h('th', { scope: 'row' }, withPoint(String(strength))),
    h('td', {}, learned),
    h('td', {}, forgot || t('not measured')),
    h('td', {}, solutions || t('not measured')),
    h('td', {}, mark),
  );
