/** How runs beside each other are told apart: by colour, by dash and by shape, so that no one needs to see colours. */
import type { Theme } from '../theme.ts';
import type { PointStyle } from './view.ts';

const shapes: PointStyle[] = ['circle', 'triangle', 'rectRot', 'rect', 'star', 'crossRot'];
const dashes = [[], [8, 3], [2, 3], [10, 3, 2, 3], [4, 4], [12, 6]];

export interface Look {
  color: string;
  shape: PointStyle;
  dash: number[];
}

export const lookOf = (look: number, { palette }: Theme): Look => ({
  color: palette[look % palette.length]!,
  shape: shapes[look % shapes.length]!,
  dash: dashes[look % dashes.length]!,
});
