import { t } from '../../src/text/l10n.ts';
import { h, Keyed } from '../dom.ts';
import { runFacts } from '../view-model/facts.ts';
import type { PanelView } from '../view-model/panel.ts';
import { withStepNames } from './step-buttons.ts';
import type { Section } from './section.ts';

export class FactsSection implements Section {
  private readonly list = h('dl', { class: 'facts' });
  private readonly content = new Keyed(this.list);
  readonly element = h('section', {}, h('h2', {}, t('The run')), this.list);

  update({ run, canAct }: PanelView): void {
    this.element.hidden = !run;
    if (!run) return;
    const facts = runFacts(run.snapshot, run.series);
    this.content.update(facts, () =>
      facts.map(({ name, value, note }) =>
        h(
          'div',
          {},
          h('dt', {}, name),
          h('dd', {}, value, note && h('span', { class: 'faint' }, ` ${withStepNames(note, canAct)}`)),
        ),
      ),
    );
  }
}
