/**
 * Draws whiskers for data with an interval (`low`/`high`, and `xLow`/`xHigh` for scatter). A line with many intervals
 * gets a band instead.
 */
import type { Chart, Plugin, Scale } from 'chart.js';
import type { Datum } from './view.ts';

const CAP = 4;
/** With more intervals than this, a line gets a band. */
const MAX_WHISKERS = 60;
const BAND_ALPHA = 0.18;

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
  const meta = chart.getDatasetMeta(index);
  const data = dataset.data as unknown as Datum[];
  if (meta.type === 'line' && data.filter(({ low }) => low !== undefined).length > MAX_WHISKERS)
    return drawBand(ctx, data, xScale, yScale, String(dataset.borderColor));
  // Bars are filled, so their whiskers have the colour of the text to be visible.
  ctx.strokeStyle = meta.type === 'bar' ? textColor(yScale) : String(dataset.borderColor);
  ctx.lineWidth = 1.5;
  ctx.setLineDash([]);
  data.forEach(({ low, high, xLow, xHigh, bare }, at) => {
    const element = meta.data[at];
    if (!element || bare) return;
    const { x, y } = element.getProps(['x', 'y'], true);
    ctx.beginPath();
    if (low !== undefined && high !== undefined)
      vertical(ctx, x, yScale.getPixelForValue(low), yScale.getPixelForValue(high));
    if (xLow !== undefined && xHigh !== undefined)
      horizontal(ctx, y, xScale.getPixelForValue(xLow), xScale.getPixelForValue(xHigh));
    ctx.stroke();
  });
}

function drawBand(ctx: CanvasRenderingContext2D, data: Datum[], x: Scale, y: Scale, color: string): void {
  const ranged = data.filter(({ low, high }) => low !== undefined && high !== undefined);
  ctx.beginPath();
  for (const datum of ranged) ctx.lineTo(x.getPixelForValue(datum.x), y.getPixelForValue(datum.high!));
  for (const datum of ranged.reverse())
    ctx.lineTo(x.getPixelForValue(datum.x), y.getPixelForValue(datum.low!));
  ctx.closePath();
  ctx.globalAlpha = BAND_ALPHA;
  ctx.fillStyle = color;
  ctx.fill();
  ctx.globalAlpha = 1;
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
