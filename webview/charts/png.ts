import type { Theme } from '../theme.ts';

const MARGIN = 16;
const TITLE = 32;

/** The chart as PNG, with its title, on the theme's background (the canvas itself is transparent). */
export function toPng(canvas: HTMLCanvasElement, title: string, theme: Theme): Promise<Blob> {
  const scale = canvas.width / canvas.clientWidth;
  const picture = document.createElement('canvas');
  picture.width = canvas.width + 2 * MARGIN * scale;
  picture.height = canvas.height + (TITLE + 2 * MARGIN) * scale;
  const context = picture.getContext('2d')!;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = theme.text;
  context.font = `600 ${15 * scale}px ${theme.font}`;
  context.textBaseline = 'middle';
  context.fillText(title, MARGIN * scale, (MARGIN + TITLE / 2) * scale);
  context.drawImage(canvas, MARGIN * scale, (MARGIN + TITLE) * scale);
  return new Promise((resolve, reject) =>
    picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture is too large.')))),
  );
}
