import { t } from '../../src/text/l10n.ts';
import { h, Keyed, scrollable, table } from '../dom.ts';
import { acceptanceRows } from '../view-model/acceptance.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Section } from './section.ts';

/** Completions in the editor, by model. */
export class AcceptanceSection implements Section {
  private readonly holder = scrollable(t('Completions in the editor'));
  private readonly content = new Keyed(this.holder);
  readonly element = h(
    'section',
    { class: 'acceptance' },
    h('h2', {}, t('In the editor')),
    this.holder,
    h(
      'p',
      { class: 'faint' },
      t(
        'Shown: completions that were visible for at least half a second, with the cursor at them; those hidden by the suggestion list do not count. Accepted: at least a word was taken with a key, as a whole, by words or by lines; typing the same text by hand does not count. Characters: how many of the shown characters were accepted. Kept: accepted completions that were still there five minutes later or when the file was closed. Counted on this machine and sent nowhere. In brackets: 95% intervals (Wilson).',
      ),
    ),
  );

  update(view: PanelView): void {
    const rows = acceptanceRows(view);
    this.element.hidden = rows.length === 0;
    this.content.update(rows, () => [
      table({
        caption: t('Completions in the editor, by model'),
        head: [t('Model'), t('Shown'), t('Accepted'), t('Characters'), t('Kept')],
        rows,
      }),
    ]);
  }
}
