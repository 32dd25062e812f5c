/** Counters and durations in Prometheus' text format (version 0.0.4). */

type Labels = Record<string, string>;

/** Upper bounds in seconds: from the rest of a word to a long answer on a slow machine. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Family {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
}

interface Histogram {
  counts: number[];
  sum: number;
  count: number;
}

export class Metrics<Name extends string> {
  private readonly values = new Map<string, Map<string, number>>();
  private readonly histograms = new Map<string, Map<string, Histogram>>();

  constructor(private readonly families: Record<Name, Family>) {}

  add(name: Name, labels: Labels = {}, value = 1): void {
    const series = seriesOf(this.values, name);
    const key = writeLabels(labels);
    series.set(key, (series.get(key) ?? 0) + value);
  }

  set(name: Name, value: number, labels: Labels = {}): void {
    seriesOf(this.values, name).set(writeLabels(labels), value);
  }

  /** Adds `seconds` to the histogram `name`. */
  observe(name: Name, seconds: number, labels: Labels = {}): void {
    const series = seriesOf(this.histograms, name);
    const key = writeLabels(labels);
    const histogram = series.get(key) ?? { counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
    series.set(key, histogram);
    BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
    });
    histogram.sum += seconds;
    histogram.count += 1;
  }

  render(): string {
    const lines: string[] = [];
    for (const [name, { type, help }] of Object.entries<Family>(this.families)) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of this.values.get(name) ?? [])
        lines.push(`${name}${braces(labels)} ${value}`);
      for (const [labels, histogram] of this.histograms.get(name) ?? [])
        lines.push(...renderHistogram(name, labels, histogram));
    }
    return `${lines.join('\n')}\n`;
  }
}

function renderHistogram(name: string, labels: string, { counts, sum, count }: Histogram): string[] {
  const bucket = (bound: string | number) =>
    `${name}_bucket${braces([labels, `le="${bound}"`].filter(Boolean).join(','))}`;
  return [
    ...BUCKETS.map((bound, index) => `${bucket(bound)} ${counts[index]}`),
    `${bucket('+Inf')} ${count}`,
    `${name}_sum${braces(labels)} ${sum}`,
    `${name}_count${braces(labels)} ${count}`,
  ];
}

function seriesOf<T>(all: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const series = all.get(name) ?? new Map<string, T>();
  all.set(name, series);
  return series;
}

const braces = (labels: string) => (labels ? `{${labels}}` : '');

const writeLabels = (labels: Labels) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',');
