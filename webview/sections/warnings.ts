import { t } from '../../src/text/l10n.ts';
import { h, Keyed } from '../dom.ts';
import type { PanelView } from '../view-model/panel.ts';
import { runMessages } from '../view-model/run-messages.ts';
import { withStepButtons } from './step-buttons.ts';
import type { Actions, Section } from './section.ts';

/** Warnings of the run that the user can act on. */
export class WarningsSection implements Section {
  private readonly list = h('ul');
  private readonly content = new Keyed(this.list);
  readonly element = h('section', { class: 'warnings', 'aria-label': t('Warnings') }, this.list);

  constructor(private readonly actions: Pick<Actions, 'take'>) {}

  update({ run, canAct }: PanelView): void {
    const { warnings } = runMessages(run);
    this.element.hidden = warnings.length === 0;
    this.content.update(warnings, () =>
      warnings.map((text) => h('li', {}, ...withStepButtons(text, canAct, this.actions.take))),
    );
  }
}
