/** Zoom along x: drag over a range, or use the keys +, -, arrows and 0. The range survives updates. */
import type { Chart } from 'chart.js';
import { h } from '../dom.ts';
import type { Range } from '../view-model/decimate.ts';

/** A drag shorter than this is a click. */
const MIN_PIXELS = 6;

export class Zoom {
  range: Range | undefined;
  private readonly shade = h('div', { class: 'zoom-range', hidden: '' });
  private from: number | undefined;

  constructor(
    private readonly holder: HTMLElement,
    private readonly chart: () => Chart | undefined,
    private readonly changed: () => void,
  ) {
    holder.append(this.shade);
    holder.addEventListener('pointerdown', (event) => this.start(event));
    holder.addEventListener('pointermove', (event) => this.move(event));
    holder.addEventListener('pointerup', (event) => this.end(event));
    holder.addEventListener('pointercancel', () => this.forget());
    holder.addEventListener('dblclick', () => this.set(undefined));
    holder.addEventListener('keydown', (event) => this.key(event));
  }

  set(range: Range | undefined): void {
    this.range = range;
    this.changed();
  }

  private start(event: PointerEvent): void {
    const chart = this.chart();
    if (!chart || event.button !== 0) return;
    const { left, right, top } = chart.chartArea;
    if (event.offsetX < left || event.offsetX > right || event.offsetY < top) return;
    this.from = event.offsetX;
    this.holder.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const chart = this.chart();
    if (this.from === undefined || !chart) return;
    const [left, right] = this.pixels(chart, event);
    this.shade.hidden = right - left < MIN_PIXELS;
    this.shade.style.left = `${left}px`;
    this.shade.style.width = `${right - left}px`;
    this.shade.style.top = `${chart.chartArea.top}px`;
    this.shade.style.height = `${chart.chartArea.height}px`;
  }

  private end(event: PointerEvent): void {
    const chart = this.chart();
    if (this.from !== undefined && chart) {
      const [left, right] = this.pixels(chart, event);
      const scale = chart.scales['x']!;
      if (right - left >= MIN_PIXELS)
        this.set({ min: Number(scale.getValueForPixel(left)), max: Number(scale.getValueForPixel(right)) });
    }
    this.forget();
  }

  private pixels({ chartArea }: Chart, event: PointerEvent): [number, number] {
    const x = event.clientX - this.holder.getBoundingClientRect().left;
    const to = Math.min(Math.max(x, chartArea.left), chartArea.right);
    return [Math.min(this.from!, to), Math.max(this.from!, to)];
  }

  private forget(): void {
    this.from = undefined;
    this.shade.hidden = true;
  }

  private key(event: KeyboardEvent): void {
    const scale = this.chart()?.scales['x'];
    if (!scale || event.ctrlKey || event.metaKey || event.altKey) return;
    const span = scale.max - scale.min;
    const moves: Record<string, () => Range | undefined> = {
      '+': () => ({ min: scale.min + span / 4, max: scale.max - span / 4 }),
      '=': () => ({ min: scale.min + span / 4, max: scale.max - span / 4 }),
      '-': () => ({ min: scale.min - span / 2, max: scale.max + span / 2 }),
      ArrowLeft: () => ({ min: scale.min - span / 4, max: scale.max - span / 4 }),
      ArrowRight: () => ({ min: scale.min + span / 4, max: scale.max + span / 4 }),
      '0': () => undefined,
      Escape: () => undefined,
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.set(move());
  }
}
