/** A chart as SVG: chart.js draws it again, on a context that writes SVG. */
import { BasicPlatform, Chart, type ChartConfiguration } from 'chart.js';
import { Context } from 'svgcanvas';
import type { Theme } from '../theme.ts';

const MARGIN = 16;
const TITLE = 32;

interface Picture {
  title: string;
  width: number;
  height: number;
  config: ChartConfiguration;
}

/** The chart in its size on the screen, with its title, on the theme's background. */
export function toSvg({ title, width, height, config }: Picture, theme: Theme): string {
  const context = new Context({ width, height });
  // chart.js asks a canvas for its context; this object acts as both.
  Object.assign(context, { getContext: () => context });
  const options = { ...config.options, responsive: false, animation: false, devicePixelRatio: 1 } as const;
  // Avoids what the SVG context does not support: Path2D, which chart.js uses for lines unless their segments can be
  // styled individually, and the even-odd fill rule, with which it draws the borders of bars.
  const datasets = config.data.datasets.map((set) => ({
    ...set,
    segment: {},
    ...(config.type === 'bar' && { borderWidth: 0 }),
  }));
  const chart = new Chart(context as unknown as CanvasRenderingContext2D, {
    ...config,
    data: { ...config.data, datasets },
    options,
    platform: BasicPlatform,
  });
  const drawn = context.getSvg().cloneNode(true);
  chart.destroy();
  const [w, h] = [width + 2 * MARGIN, height + TITLE + 2 * MARGIN];
  const svg = create('svg', {
    xmlns: 'http://www.w3.org/2000/svg',
    width: w,
    height: h,
    viewBox: `0 0 ${w} ${h}`,
  });
  const name = create('title', {});
  name.textContent = title;
  const head = create('text', {
    x: MARGIN,
    y: MARGIN + TITLE / 2,
    fill: theme.text,
    'dominant-baseline': 'central',
    'font-family': theme.font,
    'font-size': 15,
    'font-weight': 600,
  });
  head.textContent = title;
  const body = create('g', { transform: `translate(${MARGIN} ${MARGIN + TITLE})` });
  body.append(...drawn.childNodes);
  svg.append(name, create('rect', { width: w, height: h, fill: theme.background }), head, body);
  return new XMLSerializer().serializeToString(svg);
}

function create(tag: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes))
    if (name !== 'xmlns') element.setAttribute(name, String(value));
  return element;
}
