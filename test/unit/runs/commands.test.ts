import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runsCommand } from '../../../src/cli/commands/runs.ts';
import { showCommand } from '../../../src/cli/commands/show.ts';
import { survivingEvents, type NewRunEvent, type RunEvent } from '../../../src/protocol/events.ts';
import { createRun } from '../../../src/runs/index.ts';
import { deadPid, newRun, stepEvent, useTemporaryHome } from './help.ts';

const home = useTemporaryHome();
let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(console, 'log').mockImplementation((text: string) => void (printed += `${text}\n`));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

const runs = async (...args: string[]) => (await runsCommand().parseAsync(args, { from: 'user' }), printed);
const show = async (...args: string[]) => (await showCommand().parseAsync(args, { from: 'user' }), printed);
const line = (event: NewRunEvent) => `${JSON.stringify({ time: '2026-11-25T01:00:00Z', ...event })}\n`;
const start = (step: number): NewRunEvent => ({
  type: 'start',
  backend: 'wasm',
  backendReason: 'always works',
  step,
  steps: 30,
  trainableParameters: 4_900_000,
  trainTokens: 1000,
  heldOutTokens: 100,
});

/** A run that was stopped at step 8, resumed from 4, and whose owner then died at step 6. */
async function interruptedRun() {
  const { dir, id } = await createRun(newRun({ name: 'two lives' }));
  const losses = [9, 8, 7, 6, 5, 4, 3, 2];
  const first = losses.map((loss, i) => line(stepEvent(i + 1, loss)));
  const second = [5, 6].map((step) => line(stepEvent(step, 0.5)));
  const warning = line({ type: 'warning', message: 'mind this' });
  writeFileSync(
    join(dir, 'events.jsonl'),
    [line(start(0)), ...first, 'broken\n', line(start(4)), ...second, warning].join(''),
  );
  writeFileSync(
    join(dir, 'state.json'),
    JSON.stringify({
      status: 'running',
      step: 6,
      steps: 30,
      pid: deadPid,
      heartbeat: new Date().toISOString(),
    }),
  );
  return { dir, id };
}

describe('runs', () => {
  it('says so when there are none', async () => {
    expect(await runs()).toContain('no runs yet');
  });

  it('lists runs with the status that is true now, and damaged ones apart', async () => {
    const { id } = await interruptedRun();
    mkdirSync(join(home.path(), 'runs', 'broken'));
    writeFileSync(join(home.path(), 'runs', 'broken', 'run.json'), '{');
    const text = await runs();
    expect(text).toMatch(new RegExp(`^${id} +two lives +interrupted +6/30`, 'm'));
    expect(text).toMatch(/1 can't be opened:\n {2}broken: run\.json/);
    printed = '';
    expect(JSON.parse(await runs('--json'))).toMatchObject({
      runs: [{ id, status: 'interrupted', step: 6, base: 'smollm2-135m', method: 'lora' }],
      damaged: [{ id: 'broken', error: { code: 'run-damaged' } }],
    });
  });
});

describe('show', () => {
  it('shows where a run stands, the history that counts, and how to go on', async () => {
    const { id } = await interruptedRun();
    const text = await show('latest');
    expect(text).toContain(`status     interrupted, step 6 of 30; go on with: forget-me-not resume ${id}`);
    expect(text).toContain('Loss, step 1 to 6');
    expect(text).toContain('██▇▆▁▁  9.000 to 0.500');
    expect(text).toContain('wasm (always works); 4,900,000 parameters train');
    expect(text).toContain('Warning: mind this');
    expect(text).toContain('Warning: 1 broken line in events.jsonl');
  });

  it('shows what came of it', async () => {
    const { dir, id } = await createRun(newRun());
    const metric = (value: number) => ({
      task: 'workspace',
      metric: 'bpb',
      value,
      low: 0.9,
      high: 1.1,
      n: 16,
      setting: 's',
    });
    mkdirSync(join(dir, 'evaluation'));
    writeFileSync(
      join(dir, 'evaluation', 'summary.json'),
      JSON.stringify({
        step: 30,
        sentence: 'It learned this and forgot that.',
        comparisons: [
          {
            task: 'workspace',
            metric: 'bpb',
            unit: 'bits per byte',
            better: 'lower',
            before: metric(1.25),
            after: metric(0.75),
            difference: { value: -0.5, low: -0.6, high: -0.4 },
            significant: true,
          },
        ],
      }),
    );
    const text = await show(id.slice(0, -2));
    expect(text).toMatch(/workspace bpb \(bits per byte\) +1\.250 +0\.750 +-0\.500 \[-0\.600, -0\.400\]/);
    expect(text).toContain('It learned this and forgot that.');
    printed = '';
    expect(JSON.parse(await show(id, '--json'))).toMatchObject({
      dir,
      effectiveStatus: 'queued',
      spec: { id },
      summary: { step: 30 },
    });
  });
});

describe('survivingEvents', () => {
  it('keeps of each resumed stretch only what was built upon', () => {
    const at = { time: 'T' };
    const step = (n: number): RunEvent => ({ ...at, ...stepEvent(n) });
    const begin = (n: number) => ({ ...at, ...start(n) }) as RunEvent;
    const checkpoint = (n: number): RunEvent => ({ ...at, type: 'checkpoint', step: n, path: 'p' });
    const warning: RunEvent = { ...at, type: 'warning', message: 'm' };
    const events = [
      begin(0),
      step(1),
      checkpoint(1),
      step(2),
      warning,
      step(3),
      begin(1),
      step(2),
      begin(2),
      step(3),
    ];
    const kept = [begin(0), step(1), checkpoint(1), warning, begin(1), step(2), begin(2), step(3)];
    expect(survivingEvents(events)).toEqual(kept);
  });

  it('keeps the rate of a run that begins anew or goes back to its first step', () => {
    const at = { time: 'T' };
    const rate: RunEvent = {
      ...at,
      ...{ type: 'rate', learningRate: 1e-4, why: 'w', steps: 8, seconds: 3, trials: [] },
    };
    const begin = { ...at, ...start(0) } as RunEvent;
    const back: RunEvent = { ...at, type: 'rollback', step: 1, to: 0, why: 'w', rateScale: 0.5 };
    expect(survivingEvents([rate, begin, back, begin])).toEqual([rate, begin, back, begin]);
  });

  it('has the base measured once, where a run began anew', () => {
    const at = { time: 'T' };
    const begin = { ...at, ...start(0) } as RunEvent;
    const result = { task: 'workspace', metric: 'loss', value: 3, low: 2, high: 4, n: 1, setting: 's' };
    const measured: RunEvent = { ...at, type: 'evaluation', step: 0, result };
    expect(survivingEvents([begin, measured, begin, measured])).toEqual([begin, begin, measured]);
  });
});
