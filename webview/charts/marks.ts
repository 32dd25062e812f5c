/** Labelled vertical lines, such as for the kept checkpoint or early stopping. */
import type { Chart, Plugin } from 'chart.js';
import type { Theme } from '../theme.ts';
import type { Mark } from './view.ts';

const LINE = 14;

/** `read` returns the current marks. */
export const marksPlugin = (read: () => { marks: Mark[]; theme: Theme }): Plugin => ({
  id: 'marks',
  afterDatasetsDraw(chart) {
    const { marks, theme } = read();
    marks.forEach((mark, row) => drawMark(chart, mark, row, theme));
  },
});

function drawMark({ ctx, chartArea, scales }: Chart, { x, text }: Mark, row: number, theme: Theme): void {
  // A chart without data has no scales yet.
  const at = scales['x']?.getPixelForValue(x) ?? NaN;
  if (!(at >= chartArea.left && at <= chartArea.right)) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = theme.text;
  ctx.lineWidth = 1;
  ctx.setLineDash([4, 3]);
  ctx.beginPath();
  ctx.moveTo(at, chartArea.top);
  ctx.lineTo(at, chartArea.bottom);
  ctx.stroke();
  ctx.font = `12px ${theme.font}`;
  ctx.textBaseline = 'top';
  // Each text is on the side with room, and on its own line.
  const left = at + 6 + ctx.measureText(text).width > chartArea.right;
  ctx.textAlign = left ? 'right' : 'left';
  ctx.fillText(text, at + (left ? -6 : 6), chartArea.top + 3 + row * LINE);
  ctx.restore();
}
