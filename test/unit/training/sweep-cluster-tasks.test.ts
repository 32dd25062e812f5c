/** A sweep's tasks on a cluster: a sweep there reaches the same conclusion as a local one. */
import { describe, expect, it } from 'vitest';
import type { SweepLine, SweepSpec, SweptTask, Trial } from '../../../src/protocol/sweep.ts';
import { concludeSweep, nextRate } from '../../../src/training/sweep/choice.ts';
import { nextTasks, sweepTasks } from '../../../src/training/sweep/cluster-tasks.ts';
import { baseLine, sweepSpec, trial } from './sweep-help.ts';

/** What a task's process would print, if rates from `limit` on diverge and those below learn equally. */
function perform({ argv }: SweptTask, limit: number): SweepLine {
  const at = argv.indexOf('--trial');
  if (at < 0) return baseLine(argv[argv.indexOf('--base') + 1] as 'lora' | 'full');
  const [method, rate] = argv[at + 1]!.split(':') as [Trial['method'], string];
  const learningRate = Number(rate);
  return trial(learningRate, learningRate < limit ? -0.1 : undefined, { method, kl: learningRate });
}

function onCluster(spec: SweepSpec, limit: number, begun: SweepLine[] = []): SweepLine[] {
  const { tasks, next } = sweepTasks({ spec, lines: begun });
  const lines = [...begun, ...tasks.map((task) => perform(task, limit))];
  for (let round = 0; next; round += 1) {
    const more = nextTasks({ spec, lines });
    if (!more.length) break;
    lines.push(...more.map((task) => perform(task, limit)));
    expect(round).toBeLessThan(10);
  }
  return lines;
}

function here(spec: SweepSpec, limit: number): SweepLine[] {
  const lines: SweepLine[] = [];
  for (const swept of spec.methods) {
    const { method } = swept;
    lines.push(baseLine(method));
    const trials: Trial[] = [];
    for (let rate = nextRate(swept, spec.extend, []); rate !== undefined;) {
      trials.push(trial(rate, rate < limit ? -0.1 : undefined, { method, kl: rate }));
      rate = nextRate(swept, spec.extend, trials);
    }
    lines.push(...trials);
  }
  return lines;
}

const both = (extend: boolean) =>
  sweepSpec({
    extend,
    methods: [
      { method: 'lora', precision: 'f32', rates: [1e-4, 3e-4, 1e-3] },
      { method: 'full', precision: 'f32', rates: [1e-5, 3e-5] },
    ],
  });

describe("a sweep's tasks", () => {
  it('measure the base of each method first', () => {
    const { tasks, next } = sweepTasks({ spec: both(false), lines: [] }, 5);
    expect(next).toBeUndefined();
    expect(tasks.map(({ id, after }) => [id, after?.[0]])).toEqual([
      ['lora-base', undefined],
      ['lora-0.0001', 'lora-base'],
      ['lora-0.0003', 'lora-base'],
      ['lora-0.001', 'lora-base'],
      ['full-base', undefined],
      ['full-0.00001', 'full-base'],
      ['full-0.00003', 'full-base'],
    ]);
    expect(tasks[1]!.argv.slice(1).join(' ')).toBe(
      '{folder} --trial lora:0.0001 --known {after} --checkpoint-seconds 5',
    );
  });

  it.each([1, 1e-3, 3e-4, 1e-4, 2e-5, 1e-9])(
    'conclude the same as a local sweep when %d diverges',
    (limit) => {
      for (const extend of [true, false]) {
        const spec = both(extend);
        const answers = (lines: SweepLine[]) =>
          concludeSweep(spec, lines).map(({ chosen, best, divergesFrom, finished }) => ({
            chosen,
            best,
            divergesFrom,
            finished,
          }));
        expect(answers(onCluster(spec, limit))).toEqual(answers(here(spec, limit)));
        // Continues a sweep that was stopped locally.
        expect(answers(onCluster(spec, limit, here(spec, limit).slice(0, 2)))).toEqual(
          answers(here(spec, limit)),
        );
      }
    },
  );

  it('are none if nothing is left', () => {
    const spec = both(true);
    expect(sweepTasks({ spec, lines: here(spec, 1e-3) }).tasks).toEqual([]);
  });
});
