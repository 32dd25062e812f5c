import { joined, t, withPoint } from '../../src/text/l10n.ts';
import { h, Keyed, scrollable, setAttribute, setText } from '../dom.ts';
import { button } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';
import { chosenByThese, strengthView, type StrengthStop, type StrengthView } from '../view-model/strength.ts';
import type { Actions, Section } from './section.ts';

const head = () => [
  t('Strength'),
  t('Your code, bits per byte'),
  t('Moved from the base, nats per token'),
  t("HumanEval's solutions, nats per token"),
  '',
];

/** Strengths between measured ones can be used, too. */
const STEP = 0.05;

/** A slider from the base to the full change, and what was learned and forgotten at each measured strength. */
export class StrengthSection implements Section {
  private readonly slider = h('input', {
    type: 'range',
    id: 'strength',
    min: '0',
    max: '1',
    step: String(STEP),
    list: 'measured-strengths',
  });
  private readonly ticks = h('datalist', { id: 'measured-strengths' });
  /** The text for the slider's position; screen readers get it from the slider itself. */
  private readonly shown = h('output', { for: 'strength', 'aria-hidden': 'true' });
  private readonly use;
  private readonly sentence = h('p');
  private readonly why = h('p', { class: 'faint' });
  private readonly body = h('tbody');
  private readonly rows = new Keyed(this.body);
  readonly element: HTMLElement;
  private run = '';
  /**
   * Key of the data for which the slider was positioned; until it changes, the slider stays where the user moved it.
   */
  private placed = '';
  /** The slider's value there: the closest one to the actual strength, which may lie between two. */
  private nearestValue = '';
  private view: StrengthView | undefined;
  private canAct = false;

  constructor(actions: Actions) {
    this.use = button(t('Use This Strength'), () => actions.setStrength(this.run, this.strength), 'primary');
    this.slider.addEventListener('input', () => this.moved());
    this.element = h(
      'section',
      { class: 'strength' },
      h('h2', {}, h('label', { for: 'strength' }, t('Strength: how much of the trained change is applied'))),
      h(
        'p',
        { class: 'faint' },
        t(
          '0 is the state before training, 1 the full trained change. A lower strength keeps less of what was learned, and forgets less of what the base could do.',
        ),
      ),
      this.sentence,
      h('div', { class: 'strength-line' }, '0', this.slider, '1', this.ticks, this.shown, this.use),
      h(
        'details',
        {},
        h('summary', {}, t('Metrics that the strength was chosen by')),
        this.why,
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
          joined([
            chosenByThese(),
            t(
              'All are changes from before training, except the KL, which is the distance from the base. Lower is better. In brackets: 95% intervals.',
            ),
          ]),
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
    const { stops, at, sentence, why } = this.view;
    setText(this.sentence, sentence);
    setText(this.why, why);
    this.rows.update(stops, () => stops.map(row));
    const placedFor = JSON.stringify([run.id, at, stops.map(({ strength, mark }) => [strength, mark])]);
    if (placedFor !== this.placed) {
      this.ticks.replaceChildren(...stops.map(({ strength }) => h('option', { value: String(strength) })));
      this.slider.value = String(at);
      this.nearestValue = this.slider.value;
    }
    this.placed = placedFor;
    this.moved();
  }

  private get strength(): number {
    const { value } = this.slider;
    return this.view && value === this.nearestValue ? this.view.at : Number(value);
  }

  private moved(): void {
    const { view, strength } = this;
    if (!view) return;
    const words = view.words(strength);
    setAttribute(this.slider, 'aria-valuetext', words);
    setText(this.shown, words);
    [...this.body.children].forEach((child, index) =>
      child.classList.toggle('at', view.stops[index]?.strength === strength),
    );
    this.use.hidden = !this.canAct || !view.canSet || strength === 0 || strength === view.inUse;
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
