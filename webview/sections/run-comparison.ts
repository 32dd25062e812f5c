import { t, tKnown, translate } from '../../src/text/l10n.ts';
import type { RunComparison } from '../../src/protocol/run-comparison.ts';
import { h, Keyed, scrollable, setText, table } from '../dom.ts';
import { button, checkbox, textField } from '../toolkit.ts';
import { MAX_COMPARED, type PanelView } from '../view-model/panel.ts';
import {
  columns,
  comparedRuns,
  differenceRows,
  matches,
  differingColumns,
  type ComparedRun,
} from '../view-model/run-comparison.ts';
import { withStepButtons, withStepNames } from './step-buttons.ts';
import type { Actions, Section } from './section.ts';

/** The list of runs to compare with the selected one, and the differences. */
export class RunComparisonSection implements Section {
  private readonly body = h('tbody');
  private readonly heads = columns.map(({ title }) => h('th', { scope: 'col' }, title()));
  private readonly rows = new Map<string, Row>();
  private readonly none = h('p', { class: 'faint' }, t('No run matches the filter.'));
  private readonly clear;
  private readonly answer = h('div', { class: 'comparison-answer' });
  private readonly content = new Keyed(this.answer);
  /** Read by screen readers when the comparison arrives. */
  private readonly announcement = h('p', { class: 'visually-hidden', role: 'status' });
  private view: PanelView | undefined;
  readonly element: HTMLElement;

  constructor(
    private readonly actions: Actions,
    public filter: string,
  ) {
    this.clear = button(t('Show none'), () => actions.compareWith([]));
    const find = textField(t('Filter runs'), t('name, method, base, folder\u2026'), filter, (text) => {
      this.filter = text;
      actions.changed();
      if (this.view) this.update(this.view);
    });
    this.element = h(
      'section',
      { class: 'run-comparison' },
      h('h2', {}, t('Compare runs')),
      h('div', { class: 'comparison-tools' }, find, this.clear),
      h(
        'div',
        {
          class: 'scroll run-list',
          tabindex: '0',
          role: 'group',
          'aria-label': t('Runs to show alongside this one'),
        },
        h(
          'table',
          {},
          h('caption', { class: 'visually-hidden' }, t('Runs to show alongside this one')),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ...[t('Show'), t('Run')].map((text) => h('th', { scope: 'col' }, text)),
              ...this.heads,
            ),
          ),
          this.body,
        ),
        this.none,
      ),
      this.answer,
      this.announcement,
    );
  }

  update(view: PanelView): void {
    this.view = view;
    this.element.hidden = view.runs.length < 2;
    if (this.element.hidden) return;
    const runs = comparedRuns(view);
    this.clear.hidden = view.shown.length < 2;
    const wanted = runs.filter((run) => matches(run, this.filter));
    this.none.hidden = wanted.length > 0;
    this.showRows(wanted, view);
    this.content.update([view.comparison, view.shown.map(({ id }) => id), view.differentCorpora], () =>
      buildAnswer(view, this.actions.take),
    );
    const said = view.comparison?.comparison
      ? t('{count} runs compared.', { count: view.shown.length })
      : withStepNames(view.comparison?.problem ?? '', view.canAct);
    if (this.announcement.textContent !== said) this.announcement.textContent = said;
  }

  /** Does not move rows that stay, because one of them may have the focus. */
  private showRows(wanted: ComparedRun[], { shown }: PanelView): void {
    const full = shown.length > MAX_COMPARED;
    const shownColumns = differingColumns(wanted);
    this.heads.forEach((head, at) => (head.hidden = !shownColumns[at]));
    for (const [id, row] of this.rows)
      if (!wanted.some((run) => run.id === id)) {
        row.element.remove();
        this.rows.delete(id);
      }
    wanted.forEach((run, at) => {
      let row = this.rows.get(run.id);
      if (!row) this.rows.set(run.id, (row = new Row(run, (on) => this.toggle(run.id, on))));
      row.update(run, full, shownColumns);
      if (this.body.children[at] !== row.element)
        this.body.insertBefore(row.element, this.body.children[at] ?? null);
    });
  }

  private toggle(id: string, on: boolean): void {
    const now = (this.view?.shown ?? []).slice(1).map((run) => run.id);
    this.actions.compareWith(
      on ? [...now.filter((shownId) => shownId !== id), id] : now.filter((shownId) => shownId !== id),
    );
  }
}

/** The warnings in the panel's language. */
const warningsIn = ({ warnings, texts }: RunComparison): string[] =>
  warnings.map((one, at) => translate(texts?.[at] ?? one));

class Row {
  readonly element = h('tr');
  private readonly box;
  private readonly cells = columns.map(() => h('td'));
  private readonly name = h('th', { scope: 'row' });

  constructor(run: ComparedRun, onToggle: (on: boolean) => void) {
    this.box = checkbox(t('Show {run} alongside this run', { run: run.label }), onToggle);
    this.element.append(h('td', {}, this.box), this.name, ...this.cells);
  }

  update(run: ComparedRun, full: boolean, shownColumns: readonly boolean[]): void {
    if (this.box.checked !== run.shown) this.box.checked = run.shown;
    const disabled = run.selected || (full && !run.shown);
    if (this.box.disabled !== disabled) this.box.disabled = disabled;
    setText(this.name, run.name);
    this.cells.forEach((cell, at) => {
      cell.hidden = !shownColumns[at];
      setText(cell, columns[at]!.cell(run.snapshot));
    });
  }
}

function buildAnswer(view: PanelView, take: Actions['take']): (Node | false)[] {
  const { shown, comparison, differentCorpora } = view;
  if (shown.length < 2)
    return [
      h('p', { class: 'faint' }, t('Tick runs to compare them with this one, here and in the charts.')),
    ];
  const warnings = [
    ...new Set([
      ...(comparison?.comparison ? warningsIn(comparison.comparison) : []),
      ...(differentCorpora && !comparison?.comparison ? [differentCorpora] : []),
    ]),
  ];
  const parts: (Node | false)[] = warnings.map((text) =>
    h('p', { class: 'chart-warning' }, ...withStepButtons(text, view.canAct, take)),
  );
  if (!comparison) return [...parts, h('p', { class: 'faint' }, t('Comparing\u2026'))];
  if (comparison.problem)
    return [...parts, h('p', { class: 'faint' }, ...withStepButtons(comparison.problem, view.canAct, take))];
  if (!comparison.comparison) return parts;
  const { runs, differs } = comparison.comparison;
  const labelOf = (id: string, name: string) => shown.find((runView) => runView.id === id)?.label ?? name;
  const names = runs.map(({ id, name }) => labelOf(id, name));
  parts.push(
    h('h3', {}, t('What differs')),
    differs.length
      ? scrollable(
          t('What differs'),
          table({
            caption: t('Settings that differ'),
            head: [t('Setting'), ...names],
            rows: differs.map(({ setting, values }) => [tKnown(setting), ...values.map(tKnown)]),
          }),
        )
      : h('p', {}, t('Nothing: these runs have the same settings.')),
  );
  const rows = differenceRows(comparison.comparison, labelOf);
  // With two runs, their names are in the head of the table and not in every row.
  const [first, second] = names;
  const alone = names.length === 2;
  if (rows.length)
    parts.push(
      h(
        'h3',
        {},
        alone
          ? t('{second} against {first}', { second: second!, first: first! })
          : t('Against {run}', { run: first! }),
      ),
      scrollable(
        t('Differences between the results'),
        table({
          caption: t('Differences of the results from {run}', { run: first! }),
          head: [
            ...(alone ? [] : [t('Run')]),
            t('Metric'),
            first!,
            alone ? second! : t('This run'),
            t('Difference'),
            t('Verdict'),
            'n',
          ],
          rows: alone ? rows.map(([, ...row]) => row) : rows,
        }),
      ),
      h(
        'p',
        { class: 'faint' },
        t('In brackets: 95% intervals; differences are paired over the items that both runs answered.'),
      ),
    );
  return parts;
}
