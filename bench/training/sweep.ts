/** Varies one thing at a time: sequence length, batch, model size. */
import type { Bench, Point } from './bench.ts';
import { CannotMeasure } from './child.ts';
import type { Precision } from './job.ts';
import {
  fitLine,
  formatTable,
  ratioCells,
  sideCells,
  sideTitles,
  summarise,
  type Line,
  type Side,
} from './summary.ts';

const base = { model: 'smollm2-135m', sequence: 512, batch: 1 } as const;

const sweeps = {
  sequence: [256, 512, 1024, 2048, 4096].map((sequence) => ({ ...base, sequence })),
  batch: [1, 2, 4, 8].map((batch) => ({ ...base, batch })),
  model: (['smollm2-135m', 'smollm2-360m', 'qwen2.5-1.5b'] as const).map((model) => ({ ...base, model })),
};
export type SweepName = keyof typeof sweeps;
export const sweepNames = Object.keys(sweeps) as SweepName[];

/** Figures, or why there are none. */
type Result = Side | string;

export interface SweepPoint extends Point {
  ours: Result;
  theirs: Result;
}

export interface SweepResult {
  name: SweepName;
  precision: Precision;
  points: SweepPoint[];
  /** Only for sequence sweeps: our peak memory in bytes, by tokens per sequence. */
  memory?: Line;
}

const EFFORT = { warmupSteps: 1, steps: 3, roofline: false };

/** `done` holds the points that earlier sweeps measured; adds this one's. */
export async function runSweep(
  bench: Bench,
  name: SweepName,
  precision: Precision,
  done: Map<string, SweepPoint>,
  log: (line: string) => void,
): Promise<SweepResult> {
  const points: SweepPoint[] = [];
  for (const varied of sweeps[name]) {
    const point = { ...varied, precision };
    const key = Object.values(point).join(' ');
    if (!done.has(key)) {
      log(`${precision}, ${point.model}, sequence ${point.sequence}, batch ${point.batch} ...`);
      done.set(key, await measurePoint(bench, point));
    }
    points.push(done.get(key)!);
  }
  return { name, precision, points, ...(name === 'sequence' && memoryFit(points)) };
}

async function measurePoint(bench: Bench, point: Point): Promise<SweepPoint> {
  const job = await bench.job(point, EFFORT);
  const result = async (side: 'ours' | 'theirs'): Promise<Result> => {
    try {
      return summarise([await bench.run(side, job)], job);
    } catch (error) {
      if (error instanceof CannotMeasure) return error.message;
      throw error;
    }
  };
  return { ...point, ours: await result('ours'), theirs: await result('theirs') };
}

function memoryFit(points: SweepPoint[]): { memory?: Line } {
  const measured = points.flatMap(({ sequence, ours }) =>
    typeof ours === 'string' ? [] : [{ x: sequence, y: ours.peakBytes }],
  );
  return measured.length > 2 ? { memory: fitLine(measured) } : {};
}

const titles = { sequence: 'Sequence length', batch: 'Batch', model: 'Model' };

export function sweepTable({ name, precision, points, memory }: SweepResult): string {
  const rows = points.flatMap(({ ours, theirs, ...point }) => {
    const [speed, size] = ratioCells(ours, theirs);
    return [
      [String(point[name]), 'ours', ...sideCells(ours), speed!, size!],
      ['', 'PyTorch', ...sideCells(theirs), '', ''],
    ];
  });
  const table = formatTable([[titles[name], '', ...sideTitles, 'speed', 'memory'], ...rows]);
  return `${titles[name]}, ${precision}\n${table}\n${memory ? `${memoryLine(memory)}\n` : ''}`;
}

const memoryLine = ({ intercept, slope, rSquared, worst }: Line) =>
  `Our peak memory = ${(intercept / 1e9).toFixed(2)} GB + ${((slope * 1000) / 1e6).toFixed(0)} MB per 1000 tokens of sequence; ` +
  `R^2 = ${rSquared.toFixed(4)}, no point further than ${(worst * 100).toFixed(1)}% from the line.`;
