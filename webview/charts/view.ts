import type { ChartOptions, ChartType } from 'chart.js';
import type { Table } from '../dom.ts';
import type { Theme } from '../theme.ts';
import type { Choice } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';

export interface Datum {
  x: number;
  y: number;
  /** Whiskers, where there is an interval. */
  low?: number;
  high?: number;
  xLow?: number;
  xHigh?: number;
  /** Its whiskers are not drawn: there would be too many. */
  bare?: boolean;
  /** What the tooltip calls it, where the step does not say enough. */
  label?: string;
}

/** A chart.js data set in the few options used here; chart.js takes all of them on any type. */
export interface Dataset {
  label: string;
  data: Datum[];
  borderColor: string;
  backgroundColor: string | string[];
  borderWidth?: number;
  borderDash?: number[];
  pointRadius?: number | number[];
  pointHoverRadius?: number;
  pointStyle?: PointStyle | PointStyle[];
  pointBackgroundColor?: string | string[];
  pointBorderColor?: string | string[];
  pointBorderWidth?: number | number[];
  showLine?: boolean;
  maxBarThickness?: number;
  /** Bars of the same stack stand on each other. */
  stack?: string;
  order?: number;
}
export type PointStyle = 'circle' | 'triangle' | 'rectRot' | 'rect' | 'star' | 'crossRot';

/** A figure as it is saved: one row of a CSV file. */
export interface DataRow {
  run?: string;
  figure: string;
  /** Step, layer, rate, k or module: what `atName` says. */
  at: number | string;
  value: number;
  low?: number;
  high?: number;
  n?: number;
  unit?: string;
  setting?: string;
}

/** A vertical line with a word at its head. */
export interface Mark {
  x: number;
  text: string;
}

/** A list to choose from in the chart's head: which figure is shown. */
export interface ChartPicker {
  label: string;
  choices: Choice[];
}
/** By the picker's label, what the person chose; the first choice where nothing was. */
export type Picked = Record<string, string | undefined>;

export interface ChartView<M> {
  /** In file names and tests. */
  id: string;
  title: string;
  type: Extract<ChartType, 'line' | 'bar' | 'scatter'>;
  /** Always to be seen; the others are under Details. Four at most. */
  open?: boolean;
  wide?: boolean;
  /** Whether a range of x can be zoomed into. */
  zoomable?: boolean;
  pickers?(view: PanelView): ChartPicker[];
  /** Undefined when there is nothing to draw. */
  read(view: PanelView, picked: Picked): M | undefined;
  datasets(model: M, theme: Theme): Dataset[];
  labels?(model: M): string[];
  options(model: M, theme: Theme): ChartOptions;
  marks?(model: M): Mark[];
  /** The data in a sentence or two, for who does not see the chart. */
  words(model: M): string;
  table(model: M): Table;
  /** What `at` of the rows is. */
  atName: string;
  rows(model: M): DataRow[];
  /** A line under the chart: how it was measured, how to read it. */
  note?(model: M): string | undefined;
  /** What makes its figures hard to compare. */
  warning?(model: M): string | undefined;
}
