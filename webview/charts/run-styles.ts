/** Runs are distinguished by colour, dash and shape, so that colour vision is not needed. */
import { color } from 'chart.js/helpers';
import type { Theme } from '../theme.ts';
import type { PointStyle } from './view.ts';

const shapes: PointStyle[] = ['circle', 'triangle', 'rectRot', 'rect', 'star', 'crossRot'];
const dashes = [[], [8, 3], [2, 3], [10, 3, 2, 3], [4, 4], [12, 6]];

interface RunStyle {
  color: string;
  shape: PointStyle;
  dash: number[];
}

export const styleOf = (styleIndex: number, { palette }: Theme): RunStyle => ({
  color: palette[styleIndex % palette.length]!,
  shape: shapes[styleIndex % shapes.length]!,
  dash: dashes[styleIndex % dashes.length]!,
});

/** The style of bars of one colour. */
export const barStyle = (shade: string) => ({
  borderColor: shade,
  backgroundColor: color(shade).alpha(0.55).rgbString(),
  borderWidth: 1,
});

/** The style of a path: the base is an empty circle, the best point a star. */
export function pathStyle<P>(
  styleIndex: number,
  points: readonly P[],
  { isBase, isBest }: { isBase(point: P): boolean; isBest(point: P): boolean },
  theme: Theme,
) {
  const { color, shape, dash } = styleOf(styleIndex, theme);
  return {
    showLine: true,
    borderColor: color,
    borderWidth: 2,
    borderDash: dash,
    backgroundColor: color,
    pointHoverRadius: 7,
    pointStyle: points.map((point): PointStyle =>
      isBest(point) ? 'star' : isBase(point) ? 'circle' : shape,
    ),
    pointBackgroundColor: points.map((point) => (isBase(point) ? theme.background : color)),
    pointBorderColor: points.map((point) => (isBest(point) ? theme.text : color)),
    pointBorderWidth: points.map((point) => (isBest(point) ? 2.5 : 1.5)),
  };
}
