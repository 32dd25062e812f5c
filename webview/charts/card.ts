/** A chart with all that belongs to it: title, picture to save, its words, its table. Updated in place. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Decimation,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  ScatterController,
  Tooltip,
  type ChartDataset,
  type ChartOptions,
} from 'chart.js';
import { h, Keyed, setAttribute, setText, table } from '../dom.ts';
import type { Host } from '../host.ts';
import type { Section } from '../sections/section.ts';
import { readTheme, type Theme } from '../theme.ts';
import { button } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';
import { errorBars } from './error-bars.ts';
import { toPng } from './png.ts';
import type { ChartView, Dataset } from './view.ts';
import { Zoom } from './zoom.ts';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Decimation,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  ScatterController,
  Tooltip,
);

export class ChartCard<M> implements Section {
  readonly element: HTMLElement;
  private readonly canvas = h('canvas', { role: 'img' });
  private readonly holder: HTMLElement;
  private readonly note = h('p', { class: 'faint' });
  private readonly details: HTMLDetailsElement;
  private readonly data: Keyed;
  private readonly reset = button('Reset zoom', () => this.zoom?.set(undefined));
  private readonly zoom: Zoom | undefined;
  private chart: Chart | undefined;
  private model: M | undefined;
  private run = '';
  private theme: Theme = readTheme();

  constructor(
    private readonly view: ChartView<M>,
    private readonly host: Host,
  ) {
    this.holder = h('div', { class: 'canvas' }, this.canvas);
    if (view.zoomable) {
      this.holder.tabIndex = 0;
      setAttribute(this.holder, 'role', 'group');
      setAttribute(
        this.holder,
        'aria-label',
        `${view.title}. Zoom: plus and minus, arrows to move, 0 to reset.`,
      );
      this.zoom = new Zoom(
        this.holder,
        () => this.chart,
        () => this.draw(),
      );
    }
    const save = button('Save PNG', () => this.save());
    setAttribute(save, 'aria-label', `Save PNG: ${view.title}`);
    const tableHolder = h('div', {
      class: 'scroll',
      tabindex: '0',
      role: 'group',
      'aria-label': `${view.title}: data`,
    });
    this.data = new Keyed(tableHolder);
    this.details = h('details', {}, h('summary', {}, 'Data'), tableHolder);
    this.details.addEventListener('toggle', () => this.fillTable());
    this.element = h(
      'article',
      { class: view.wide ? 'card wide' : 'card', 'data-chart': view.id },
      h('div', { class: 'card-head' }, h('h3', {}, view.title), this.reset, save),
      this.holder,
      this.note,
      this.details,
    );
    this.element.hidden = true;
  }

  update(view: PanelView): void {
    const run = view.run?.snapshot.spec.id ?? '';
    // A range belongs to the run it was chosen on.
    if (run !== this.run && this.zoom) this.zoom.range = undefined;
    this.run = run;
    this.model = this.view.read(view);
    this.element.hidden = this.model === undefined;
    this.draw();
  }

  private draw(): void {
    const { model } = this;
    if (model === undefined) return;
    this.theme = readTheme();
    this.chart ??= new Chart(this.canvas, {
      type: this.view.type,
      data: { datasets: [] },
      plugins: [errorBars],
    });
    const { chart } = this;
    merge(chart, this.view.datasets(model, this.theme));
    if (this.view.labels) chart.data.labels = this.view.labels(model);
    chart.options = withRange(this.view.options(model, this.theme), this.zoom?.range);
    chart.update('none');
    this.reset.hidden = this.zoom?.range === undefined;
    setAttribute(this.canvas, 'aria-label', `${this.view.title}. ${this.view.words(model)}`);
    const note = this.view.note?.(model) ?? '';
    setText(this.note, note);
    this.note.hidden = !note;
    this.fillTable();
  }

  /** Only while someone looks: thousands of rows cost nothing otherwise. */
  private fillTable(): void {
    if (!this.details.open || this.model === undefined) return;
    const data = this.view.table(this.model);
    this.data.update(data, () => [table(data)]);
  }

  private save(): void {
    if (!this.chart) return;
    const name = `${this.run || 'forget-me-not'}-${this.view.id}.png`;
    this.host.save(name, toPng(this.canvas, this.view.title, this.theme));
  }
}

/** Keeps the data sets that are there, by their label, so that what the person hid stays hidden. */
function merge({ data }: Chart, next: Dataset[]): void {
  data.datasets = next.map((dataset) => {
    const old = data.datasets.find(({ label }) => label === dataset.label);
    return old ? Object.assign(old, dataset) : (dataset as unknown as ChartDataset);
  });
}

function withRange(options: ChartOptions, range: { min: number; max: number } | undefined): ChartOptions {
  const x = options.scales?.['x'];
  if (x && range) Object.assign(x, range);
  return options;
}
