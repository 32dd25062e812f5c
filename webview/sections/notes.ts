import { t } from '../../src/text/l10n.ts';
import { h, Keyed } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import { messagesOf } from '../view-model/run-messages.ts';
import type { Section } from './section.ts';

/** Messages of the run that need no action. */
export class NotesSection implements Section {
  private readonly list = h('ul');
  private readonly content = new Keyed(this.list);
  readonly element = h('section', { class: 'notes' }, h('h2', {}, t('Notes of the run')), this.list);

  update({ run }: PanelView): void {
    const { notes } = messagesOf(run);
    this.element.hidden = notes.length === 0;
    this.content.update(notes, () => notes.map((text) => h('li', {}, text)));
  }
}
