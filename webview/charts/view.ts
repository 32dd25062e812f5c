import type { ChartOptions, ChartType } from 'chart.js';
import type { Table } from '../dom.ts';
import type { Theme } from '../theme.ts';
import type { Choice } from '../toolkit.ts';
import type { PanelView } from '../view-model/panel.ts';

export interface Datum {
  x: number;
  y: number;
  /** Ends of the whiskers, if there is an interval. */
  low?: number;
  high?: number;
  xLow?: number;
  xHigh?: number;
  /** Its whiskers are omitted, because there would be too many. */
  bare?: boolean;
  /** Its name in the tooltip, if not just the step. */
  label?: string;
}

/** A chart.js data set, with the few options used here; chart.js accepts all of them for any chart type. */
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
  /** Bars with the same stack are stacked. */
  stack?: string;
  order?: number;
}
export type PointStyle = 'circle' | 'triangle' | 'rectRot' | 'rect' | 'star' | 'crossRot';

/** A row of a saved CSV file. */
export interface DataRow {
  run?: string;
  metric: string;
  /** Step, layer, rate, k or module, as named by `atName`. */
  at: number | string;
  value: number;
  low?: number;
  high?: number;
  n?: number;
  unit?: string;
  setting?: string;
}

export interface Mark {
  x: number;
  text: string;
}

/** A drop-down list above the chart to choose which metric is shown. */
export interface ChartPicker {
  id: string;
  label: string;
  choices: Choice[];
}
/** The user's choice, by the picker's id; undefined means the first choice. */
export type Picked = Record<string, string | undefined>;

export interface ChartView<M> {
  /** Used in file names and tests. */
  id: string;
  title(): string;
  type: Extract<ChartType, 'line' | 'bar' | 'scatter'>;
  /** Always visible; other charts are under Details. At most four. */
  open?: boolean;
  /** Whether the user can zoom into a range of x. */
  zoomable?: boolean;
  pickers?(view: PanelView): ChartPicker[];
  /** Undefined when there is nothing to draw. */
  read(view: PanelView, picked: Picked): M | undefined;
  datasets(model: M, theme: Theme): Dataset[];
  labels?(model: M): string[];
  options(model: M, theme: Theme): ChartOptions;
  marks?(model: M): Mark[];
  /** The data in a sentence or two, for users who can't see the chart. */
  words(model: M): string;
  table(model: M): Table;
  /** The heading of the rows' `at`, in English like all of a saved file. */
  atName: string;
  rows(model: M): DataRow[];
  /** The answer to the question in the title, if the metrics give one. */
  answer?(model: M): string | undefined;
  /** A line under the chart: how to read it. */
  note?(model: M): string | undefined;
  /** How it was measured, shown with the data. */
  how?(model: M): string | undefined;
  /** A warning if its metrics are hard to compare. */
  warning?(model: M): string | undefined;
}
