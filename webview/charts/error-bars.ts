/** Whiskers for data that carries an interval (`low`/`high`, and `xLow`/`xHigh` for scatter). */
import type { Chart, Plugin, Scale } from 'chart.js';
import type { Datum } from './view.ts';

const CAP = 4;

export const errorBars: Plugin = {
  id: 'errorBars',
  afterDatasetsDraw(chart) {
    const { ctx, chartArea } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(
      chartArea.left - CAP,
      chartArea.top - CAP,
      chartArea.width + 2 * CAP,
      chartArea.height + 2 * CAP,
    );
    ctx.clip();
    chart.data.datasets.forEach((_, index) => chart.isDatasetVisible(index) && drawSet(chart, index));
    ctx.restore();
  },
};

function drawSet(chart: Chart, index: number): void {
  const { ctx } = chart;
  const { x: xScale, y: yScale } = chart.scales;
  if (!xScale || !yScale) return;
  const dataset = chart.data.datasets[index]!;
  // Bars are filled: their whiskers take the colour of the text, to be seen on them.
  const bar = chart.getDatasetMeta(index).type === 'bar';
  ctx.strokeStyle = bar ? textColor(yScale) : String(dataset.borderColor);
  ctx.lineWidth = 1.5;
  ctx.setLineDash([]);
  const elements = chart.getDatasetMeta(index).data;
  (dataset.data as unknown as Datum[]).forEach(({ low, high, xLow, xHigh }, at) => {
    const element = elements[at];
    if (!element) return;
    const { x, y } = element.getProps(['x', 'y'], true);
    ctx.beginPath();
    if (low !== undefined && high !== undefined)
      vertical(ctx, x, yScale.getPixelForValue(low), yScale.getPixelForValue(high));
    if (xLow !== undefined && xHigh !== undefined)
      horizontal(ctx, y, xScale.getPixelForValue(xLow), xScale.getPixelForValue(xHigh));
    ctx.stroke();
  });
}

const textColor = ({ options }: Scale) => String((options as { ticks?: { color?: unknown } }).ticks?.color);

function vertical(ctx: CanvasRenderingContext2D, x: number, low: number, high: number): void {
  ctx.moveTo(x, low);
  ctx.lineTo(x, high);
  for (const y of [low, high]) {
    ctx.moveTo(x - CAP, y);
    ctx.lineTo(x + CAP, y);
  }
}

function horizontal(ctx: CanvasRenderingContext2D, y: number, low: number, high: number): void {
  ctx.moveTo(low, y);
  ctx.lineTo(high, y);
  for (const x of [low, high]) {
    ctx.moveTo(x, y - CAP);
    ctx.lineTo(x, y + CAP);
  }
}
