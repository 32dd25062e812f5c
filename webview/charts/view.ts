/** What a chart is here: pure functions from the panel's view to what is drawn and to the same in words. */
import type { ChartOptions, ChartType } from 'chart.js';
import type { Table } from '../dom.ts';
import type { Theme } from '../theme.ts';
import type { PanelView } from '../view-model/panel.ts';

export interface Datum {
  x: number;
  y: number;
  /** Whiskers, where there is an interval. */
  low?: number;
  high?: number;
  xLow?: number;
  xHigh?: number;
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
  pointRadius?: number;
  pointHoverRadius?: number;
  pointStyle?: 'circle' | 'triangle' | 'rectRot' | 'rect';
  maxBarThickness?: number;
  order?: number;
}

export interface ChartView<M> {
  /** In file names and tests. */
  id: string;
  title: string;
  type: Extract<ChartType, 'line' | 'bar' | 'scatter'>;
  wide?: boolean;
  /** Whether a range of x can be zoomed into. */
  zoomable?: boolean;
  /** Undefined when there is nothing to draw. */
  read(view: PanelView): M | undefined;
  datasets(model: M, theme: Theme): Dataset[];
  labels?(model: M): string[];
  options(model: M, theme: Theme): ChartOptions;
  /** The data in a sentence or two, for who does not see the chart. */
  words(model: M): string;
  table(model: M): Table;
  /** A line under the chart: how it was measured, how to read it. */
  note?(model: M): string | undefined;
}
