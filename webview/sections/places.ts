import { t } from '../../src/text/l10n.ts';
import { h, Keyed, setText } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import { placesView, type PlaceView, type Suggestion } from '../view-model/places.ts';
import type { Section } from './section.ts';

/** Held-out lines as an editor shows them: suggestions before and after training side by side, and the actual text. */
export class PlacesSection implements Section {
  private readonly counted = h('p');
  private readonly holder = h('div');
  private readonly content = new Keyed(this.holder);
  readonly element = h(
    'section',
    { class: 'places' },
    h('h2', {}, t('What does it suggest in code that it has never seen?')),
    this.counted,
    this.holder,
  );

  update({ run }: PanelView): void {
    const view = placesView(run?.snapshot.summary);
    this.element.hidden = !view;
    if (!view) return;
    setText(this.counted, view.counted);
    this.content.update(view.places, () => view.places.map(placeElement));
  }
}

const placeElement = (place: PlaceView): HTMLElement =>
  h(
    'article',
    { class: 'place' },
    h('h3', {}, place.at),
    h(
      'div',
      { class: 'side-by-side' },
      editor(t('Before'), place, place.base),
      editor(t('Tuned on your code'), place, place.result),
    ),
    h(
      'p',
      { class: 'actual' },
      h('span', { class: 'faint' }, t('As you wrote it:')),
      ' ',
      code(place.actual),
    ),
  );

const code = (text: string) => h('code', {}, text);

/** The lines up to the cursor, and in grey the suggestion after it. */
function editor(name: string, { lines }: PlaceView, { text, isRight }: Suggestion): HTMLElement {
  const mark = isRight ? t('as written') : t('not as written');
  const at = lines.length - 1;
  return h(
    'figure',
    { class: 'editor' },
    h(
      'figcaption',
      {},
      h('span', {}, name),
      h(
        'span',
        { class: `verdict ${isRight ? 'better' : 'worse'}` },
        `${isRight ? '\u2713' : '\u2717'} ${mark}`,
      ),
    ),
    h(
      'pre',
      { tabindex: '0', role: 'group', 'aria-label': t('{name}: completion', { name }) },
      ...lines.map((line, index) =>
        h(
          'span',
          { class: 'line' },
          h('span', { class: 'number', 'aria-hidden': 'true' }, String(line.number)),
          h(
            'span',
            {},
            line.text,
            index === at && h('span', { class: 'cursor', 'aria-hidden': 'true' }),
            index === at && h('span', { class: 'ghost' }, text || t('(nothing)')),
          ),
        ),
      ),
    ),
  );
}
