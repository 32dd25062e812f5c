import { columnNames } from '../../src/findings/before.ts';
import { sentenceIn } from '../../src/findings/summary-sentence.ts';
import { t, titleIn, withPoint } from '../../src/text/l10n.ts';
import { h, Keyed, scrollable, setText } from '../dom.ts';
import { button } from '../toolkit.ts';
import { comparisonRows, verdictIn, type ComparisonRow } from '../view-model/comparisons.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { Actions, Section } from './section.ts';

const headOf = (columns: readonly string[]) => ['', ...columns, t('Difference'), '', 'n'];

/** The result in a sentence, and all metrics before and after with their difference, each with its 95% interval. */
export class ComparisonsSection implements Section {
  private readonly holder = scrollable(t('Table of comparisons'));
  private readonly content = new Keyed(this.holder);
  private readonly sentence = h('p', { id: 'sentence' });
  /** Offers to measure the rest if the result was not measured completely. */
  private readonly measure;
  private run = '';
  readonly element = h(
    'section',
    { class: 'comparisons' },
    h('h2', {}, t('Before and after')),
    this.sentence,
    this.holder,
    h(
      'p',
      { class: 'faint' },
      t(
        'In brackets: 95% intervals; the difference is paired over the same items. If its interval contains zero, no difference was seen.',
      ),
    ),
  );

  constructor({ take }: Pick<Actions, 'take'>) {
    this.measure = button(titleIn({ id: 'evaluate' }), () => take({ id: 'evaluate', subject: this.run }));
    this.sentence.after(this.measure);
  }

  update({ run, canAct }: PanelView): void {
    const summary = run?.snapshot.summary;
    this.element.hidden = !summary;
    if (!run || !summary) return;
    this.run = run.id;
    setText(this.sentence, sentenceIn(summary));
    this.measure.hidden = !canAct || !run.status.canMeasure;
    const { served } = summary;
    const { spec } = run.snapshot;
    const rows = comparisonRows(summary, spec);
    this.holder.hidden = rows.length === 0;
    this.content.update([rows, served], () => [build(rows, headOf(columnNames(spec)), served)]);
  }
}

function build(
  rows: ComparisonRow[],
  head: readonly string[],
  served: { meanKl: number; ok: boolean } | undefined,
): HTMLElement {
  const body = rows.flatMap((row, at) => [
    // The setting is shown once, above all metrics measured in this way.
    row.setting !== rows[at - 1]?.setting &&
      h('tr', { class: 'setting' }, h('td', { class: 'faint', colspan: String(head.length) }, row.setting)),
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, row.metric, row.unit ? h('span', { class: 'faint' }, ` ${row.unit}`) : ''),
      ...row.values.map((value) => h('td', {}, value)),
      h('td', {}, row.difference),
      h('td', {}, h('span', { class: `verdict ${row.verdict}` }, verdictIn(row.verdict))),
      h('td', {}, row.n),
    ),
  ]);
  return h(
    'div',
    {},
    h(
      'table',
      {},
      h('caption', { class: 'visually-hidden' }, t('Metrics before and after training')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ...head.map((text, index) =>
            text
              ? h('th', { scope: 'col' }, text)
              : h('td', {}, index ? h('span', { class: 'visually-hidden' }, t('Verdict')) : ''),
          ),
        ),
      ),
      h('tbody', {}, ...body),
    ),
    served &&
      h(
        'p',
        { class: 'faint' },
        served.ok
          ? t(
              'Checked: the model that llama.cpp serves matches the trained one (mean KL {kl} nats per token).',
              { kl: withPoint(served.meanKl.toPrecision(2)) },
            )
          : t(
              'The model that llama.cpp serves does not match the trained one (mean KL {kl} nats per token).',
              { kl: withPoint(served.meanKl.toPrecision(2)) },
            ),
      ),
  );
}
