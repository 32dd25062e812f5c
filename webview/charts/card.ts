/** A chart with its title, pickers, save buttons, description in words and table. Updated in place. */
import { joined, t } from '../../src/text/l10n.ts';
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
  type ChartConfiguration,
  type ChartOptions,
} from 'chart.js';
import { h, Keyed, scrollable, setAttribute, setText, table } from '../dom.ts';
import type { Host } from '../host.ts';
import type { Section } from '../sections/section.ts';
import { readTheme, type Theme } from '../theme.ts';
import { button, Picker } from '../toolkit.ts';
import { decimate } from '../view-model/decimate.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { CardState } from '../view-state.ts';
import { csvOf } from './csv.ts';
import { errorBars } from './error-bars.ts';
import { marksPlugin } from './marks.ts';
import { mergeSets } from './options.ts';
import { toPng } from './png.ts';
import { toSvg } from './svg.ts';
import type { ChartView, Dataset, Picked } from './view.ts';
import { Zoom } from './zoom.ts';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  ScatterController,
  Tooltip,
);

const formats = ['PNG', 'SVG', 'CSV'] as const;
/** Assumed width in pixels before the page is laid out. */
const COLUMNS = 800;

export class ChartCard<M> implements Section {
  readonly element: HTMLElement;
  private readonly canvas = h('canvas', { role: 'img' });
  private readonly holder = h('div', { class: 'canvas' }, this.canvas);
  private readonly answer = h('p', { class: 'answer' });
  private readonly warning = h('p', { class: 'chart-warning' });
  private readonly note = h('p', { class: 'faint' });
  private readonly how = h('p', { class: 'faint' });
  private readonly details: HTMLDetailsElement;
  private readonly data: Keyed;
  private readonly pickers = new Map<string, Picker>();
  private readonly choices = h('div', { class: 'chart-pickers' });
  /** The user's choices, and those of them that are currently available. */
  private readonly preferred: Picked;
  private picked: Picked = {};
  private readonly reset = button(t('Reset zoom'), () => this.zoom?.set(undefined));
  private readonly zoom: Zoom | undefined;
  private readonly plugins = [
    errorBars,
    marksPlugin(() => ({
      marks: this.model === undefined ? [] : (this.view.marks?.(this.model) ?? []),
      theme: this.theme,
    })),
  ];
  private chart: Chart | undefined;
  private panel: PanelView | undefined;
  private model: M | undefined;
  private run: string;
  private theme: Theme = readTheme();

  constructor(
    private readonly view: ChartView<M>,
    private readonly host: Host,
    /** The stored choices, and the run that they belong to. */
    stored: { run: string; card: CardState | undefined },
    private readonly changed: () => void,
  ) {
    this.preferred = { ...stored.card?.picked };
    this.run = stored.run;
    if (view.zoomable) {
      this.holder.tabIndex = 0;
      setAttribute(this.holder, 'role', 'group');
      setAttribute(
        this.holder,
        'aria-label',
        t('{chart}. Zoom: plus and minus, arrows to move, 0 to reset.', { chart: view.title() }),
      );
      this.zoom = new Zoom(
        this.holder,
        () => this.chart,
        () => {
          this.draw();
          changed();
        },
      );
      this.zoom.range = stored.card?.range;
    }
    const tableHolder = scrollable(t('{chart}: data', { chart: view.title() }));
    this.data = new Keyed(tableHolder);
    this.details = h('details', {}, h('summary', {}, t('Data')), this.how, tableHolder);
    this.details.open = stored.card?.open ?? false;
    this.details.addEventListener('toggle', () => {
      this.fillTable();
      changed();
    });
    this.element = h(
      'article',
      { class: 'card', 'data-chart': view.id },
      h('div', { class: 'card-head' }, h('h3', {}, view.title()), this.reset, this.saveButtons()),
      this.answer,
      this.choices,
      this.holder,
      this.warning,
      this.note,
      this.details,
    );
    this.element.hidden = true;
  }

  get id(): string {
    return this.view.id;
  }

  /** The state to restore when the panel is loaded again. */
  get state(): CardState {
    const picked = Object.entries(this.preferred).filter((entry): entry is [string, string] => !!entry[1]);
    const range = this.zoom?.range;
    return { ...(range && { range }), picked: Object.fromEntries(picked), open: this.details.open };
  }

  private saveButtons(): HTMLElement {
    const title = this.view.title();
    const buttons = formats.map((format) => {
      const save = button(format, () => this.save(format), 'icon');
      setAttribute(save, 'aria-label', t('Save {format}: {chart}', { format, chart: title }));
      setAttribute(save, 'title', t('Save as {format}', { format }));
      return save;
    });
    return h(
      'div',
      { class: 'save', role: 'group', 'aria-label': t('Save {chart}', { chart: title }) },
      ...buttons,
    );
  }

  update(view: PanelView): void {
    const run = view.run?.id ?? '';
    // A zoom range belongs to the run that it was chosen on.
    if (run !== this.run && this.zoom) this.zoom.range = undefined;
    this.run = run;
    this.panel = view;
    this.read();
  }

  private read(): void {
    this.showPickers(this.panel!);
    this.model = this.view.read(this.panel!, this.picked);
    this.element.hidden = this.model === undefined;
    this.draw();
  }

  private showPickers(view: PanelView): void {
    const wanted = this.view.pickers?.(view) ?? [];
    // A picker with one choice is not shown.
    this.choices.hidden = wanted.every(({ choices }) => choices.length < 2);
    for (const { id: which, label, choices } of wanted) {
      let picker = this.pickers.get(which);
      if (!picker) {
        picker = new Picker(`${label}, ${this.view.title()}`, (id) => {
          this.preferred[which] = id;
          this.read();
          this.changed();
        });
        this.pickers.set(which, picker);
        this.choices.append(h('label', {}, h('span', { class: 'faint' }, label), picker.element));
      }
      const wanted = this.preferred[which];
      this.picked[which] = choices.some(({ id }) => id === wanted) ? wanted : undefined;
      picker.update(choices, this.picked[which] ?? choices[0]?.id);
    }
  }

  private draw(): void {
    const { model } = this;
    if (model === undefined) return;
    this.theme = readTheme();
    this.chart ??= new Chart(this.canvas, {
      type: this.view.type,
      data: { datasets: [] },
      plugins: this.plugins,
    });
    const { chart } = this;
    chart.data.datasets = mergeSets(chart.data.datasets, this.decimated(model));
    if (this.view.labels) chart.data.labels = this.view.labels(model);
    chart.options = this.options(model);
    chart.update('none');
    this.reset.hidden = this.zoom?.range === undefined;
    setAttribute(
      this.canvas,
      'aria-label',
      joined([this.view.title(), this.view.answer?.(model) ?? '', this.view.words(model)]),
    );
    showText(this.answer, this.view.answer?.(model));
    showText(this.warning, this.view.warning?.(model));
    showText(this.note, this.view.note?.(model));
    showText(this.how, this.view.how?.(model));
    this.fillTable();
  }

  /** Thins line data to what the screen can show. */
  private decimated(model: M): Dataset[] {
    const sets = this.view.datasets(model, this.theme);
    if (this.view.type !== 'line') return sets;
    const columns = this.holder.clientWidth || COLUMNS;
    return sets.map((set) => ({ ...set, data: decimate(set.data, columns, this.zoom?.range) }));
  }

  private options(model: M): ChartOptions {
    const options = this.view.options(model, this.theme);
    const x = options.scales?.['x'];
    if (x && this.zoom?.range) Object.assign(x, this.zoom.range);
    return options;
  }

  /** Only while the table is open, since it may have thousands of rows. */
  private fillTable(): void {
    if (!this.details.open || this.model === undefined) return;
    const data = this.view.table(this.model);
    this.data.update(data, () => [table(data)]);
  }

  private save(format: (typeof formats)[number]): void {
    if (!this.chart || this.model === undefined) return;
    const name = `${this.run || 'forget-me-not'}-${this.view.id}.${format.toLowerCase()}`;
    this.host.save(name, this.file(format, this.model));
  }

  private file(format: (typeof formats)[number], model: M): Blob | Promise<Blob> {
    if (format === 'PNG') return toPng(this.canvas, this.view.title(), this.theme);
    if (format === 'CSV')
      // With a byte order mark, Excel reads it as UTF-8.
      return new Blob(['\ufeff', csvOf(this.view, this.panel!, this.picked)], { type: 'text/csv' });
    const config = {
      type: this.view.type,
      data: { labels: this.view.labels?.(model) ?? [], datasets: this.visible(this.decimated(model)) },
      options: this.options(model),
      plugins: this.plugins,
    } as unknown as ChartConfiguration;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return new Blob([toSvg({ title: this.view.title(), width, height, config }, this.theme)], {
      type: 'image/svg+xml',
    });
  }

  /** Data sets hidden in the legend stay hidden in the saved file. */
  private visible(sets: Dataset[]): Dataset[] {
    return sets.filter((_, index) => this.chart!.isDatasetVisible(index));
  }
}

function showText(element: HTMLElement, text: string | undefined): void {
  setText(element, text ?? '');
  element.hidden = !text;
}
