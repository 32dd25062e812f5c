import { t } from '../../src/text/l10n.ts';
import { serverOfId } from '../../src/protocol/panel.ts';
import { h } from '../dom.ts';
import { Picker } from '../toolkit.ts';
import { formatTime } from '../view-model/format.ts';
import { methodName } from '../view-model/labels.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Actions, Section } from './section.ts';

/** The title and the run picker. */
export class HeaderSection implements Section {
  readonly element: HTMLElement;
  private readonly picker: Picker;
  private readonly elsewhere = h('p', { class: 'faint' });
  private readonly label = h('span', { class: 'faint' }, t('Run'));

  constructor({ select }: Actions) {
    this.picker = new Picker(t('Run'), select);
    this.element = h(
      'header',
      {},
      h('h1', {}, 'Forget-Me-Not'),
      this.elsewhere,
      h('div', { class: 'picker' }, this.label, this.picker.element),
    );
  }

  update({ runs, run, inUse }: PanelView): void {
    const server = inUse && serverOfId(inUse);
    this.elsewhere.hidden = !server;
    this.elsewhere.textContent = server
      ? t('Your code is completed by a remote server: {model}.', { model: server })
      : '';
    this.picker.element.hidden = this.label.hidden = runs.length === 0;
    const choices = runs.map(({ spec }) => ({
      id: spec.id,
      label: `${spec.name}, ${methodName(spec)}, ${formatTime(spec.createdAt)}${spec.id === inUse ? ` (${t('in use')})` : ''}`,
    }));
    this.picker.update(choices, run?.snapshot.spec.id);
  }
}
