import { h, Keyed } from '../dom.ts';
import { plural } from '../view-model/format.ts';
import type { PanelView } from '../view-model/panel.ts';
import { said } from './said.ts';
import type { Actions, Section } from './section.ts';

/** What went wrong without ending the run. */
export class WarningsSection implements Section {
  private readonly list = h('ul');
  private readonly content = new Keyed(this.list);
  readonly element = h('section', { class: 'warnings', 'aria-label': 'Warnings' }, this.list);

  constructor(private readonly actions: Pick<Actions, 'take'>) {}

  update({ run, canAct }: PanelView): void {
    const broken = run?.snapshot.brokenLines ?? 0;
    const warnings = [
      ...(run?.series.warnings ?? []),
      ...(broken
        ? [
            `${plural(broken, 'line')} of events.jsonl could not be read and ${broken === 1 ? 'is' : 'are'} not shown.`,
          ]
        : []),
    ];
    this.element.hidden = warnings.length === 0;
    this.content.update(warnings, () =>
      warnings.map((text) => h('li', {}, ...said(text, canAct, this.actions.take))),
    );
  }
}
