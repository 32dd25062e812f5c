import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runsCommand } from '../../../src/cli/commands/results/runs.ts';
import { showCommand } from '../../../src/cli/commands/results/show.ts';
import { writeCluster } from '../../../src/cluster/store.ts';
import { withMeasuringMark } from '../../../src/evaluation/measuring-lock.ts';
import type { NewRunEvent } from '../../../src/protocol/events.ts';
import { createRun, openRunWriter, type NewRun } from '../../../src/runs/index.ts';
import { clusterFile } from '../cluster/help.ts';
import { deadPid, newRun, setState, startEvent, stepEvent, useTemporaryHome } from '../runs/help.ts';

const home = useTemporaryHome();
let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

const runs = async (...args: string[]) => (await runsCommand().parseAsync(args, { from: 'user' }), printed);
const show = async (...args: string[]) => (await showCommand().parseAsync(args, { from: 'user' }), printed);
const line = (event: NewRunEvent) => `${JSON.stringify({ time: '2026-11-25T01:00:00Z', ...event })}\n`;

/** A run stopped at step 8, resumed from 4, whose owner then died at step 6. */
async function interruptedRun() {
  const { dir, id } = await createRun(newRun({ name: 'two lives' }));
  const losses = [9, 8, 7, 6, 5, 4, 3, 2];
  const first = losses.map((loss, i) => line(stepEvent(i + 1, loss)));
  const second = [5, 6].map((step) => line(stepEvent(step, 0.5)));
  const warning = line({ type: 'warning', message: 'mind this' });
  writeFileSync(
    join(dir, 'events.jsonl'),
    [line(startEvent(0)), ...first, 'broken\n', line(startEvent(4)), ...second, warning].join(''),
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
  it('says so if there are none', async () => {
    expect(await runs()).toContain('no runs yet');
  });

  it('lists runs with their current status, and damaged ones separately', async () => {
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
  it('shows the state of a run, its history, and the next step', async () => {
    const { id } = await interruptedRun();
    const text = await show('latest');
    expect(text).toContain(`status     interrupted, step 6 of 30; resume with: forget-me-not resume ${id}`);
    expect(text).toContain('Loss, step 1 to 6');
    expect(text).toContain('██▇▆▁▁  9.000 to 0.500');
    expect(text).toContain('wasm (always works); 4,900,000 parameters train');
    expect(text).toContain('Warning: mind this');
    expect(text).toContain('Warning: 1 broken line in events.jsonl');
  });

  it('lists the KL of checkpoints, without that of a result at another strength', async () => {
    const kl = { task: 'retention', metric: 'KL from base', low: 0, high: 1, n: 8, setting: 's' };
    const shown = async (strength: number, from: Partial<NewRun> = {}) => {
      printed = '';
      const evaluation = { checkpointTasks: ['retention'], strength };
      const { dir, id } = await createRun(newRun({ evaluation, ...from }));
      const events = [0, 0.12, 0.17, 0.06].map((value, at) =>
        line({ type: 'evaluation', step: 10 * at, result: { ...kl, value } }),
      );
      writeFileSync(join(dir, 'events.jsonl'), [line(startEvent(0)), ...events].join(''));
      mkdirSync(join(dir, 'evaluation'));
      const summary = { step: 30, sentence: '', comparisons: [] };
      writeFileSync(join(dir, 'evaluation', 'summary.json'), JSON.stringify(summary));
      return show(id);
    };
    const listed = 'retention KL from base by step: 0: 0.000, 10: 0.120, 20: 0.170';
    expect(await shown(1)).toContain(`${listed}, 30: 0.060\n`);
    expect(await shown(0.5)).toContain(`${listed}\n`);
    // Step 0 is the base alone, with which such a run does not begin.
    const later = 'retention KL from base by step: 10: 0.120, 20: 0.170\n';
    expect(await shown(0.5, { reference: { sha256: 'ab' } })).toContain(later);
    expect(await shown(0.5, { continues: { run: 'r1', sha256: 'ab' } })).toContain(later);
  });

  it('shows the results', async () => {
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

describe('runs delete', () => {
  const remove = (...args: string[]) => runs('delete', ...args, '--json');
  const left = () => readdirSync(join(home.path(), 'runs'));
  async function endedRun() {
    const { dir, id } = await createRun(newRun());
    setState(dir, { status: 'done', step: 30, steps: 30 });
    mkdirSync(join(dir, 'checkpoints'));
    writeFileSync(join(dir, 'checkpoints', 'weights'), 'x'.repeat(5000));
    return { dir, id };
  }

  it('deletes all of a run, after saying how much that frees', async () => {
    const { id } = await endedRun();
    const { dir: other } = await endedRun();
    const planned = JSON.parse(await remove(id, '--dry-run')) as { run: string; bytes: number };
    expect(planned.run).toBe(id);
    expect(planned.bytes).toBeGreaterThan(5000);
    expect(left()).toHaveLength(2);
    printed = '';
    expect(JSON.parse(await remove(id, '--yes'))).toEqual(planned);
    expect(left()).toEqual([basename(other)]);
  });

  it('asks for consent, and deletes nothing without a terminal', async () => {
    const { id } = await endedRun();
    await expect(remove(id)).rejects.toMatchObject({ code: 'bad-argument' });
    expect(left()).toEqual([id]);
  });

  const refused = { code: 'run-locked' };
  it('keeps a run that trains or is about to', async () => {
    const { dir, id } = await createRun(newRun());
    await expect(remove(id, '--yes')).rejects.toMatchObject(refused);
    const writer = await openRunWriter(dir);
    try {
      await writer.state({ status: 'running' });
      await expect(remove(id, '--yes')).rejects.toMatchObject(refused);
    } finally {
      await writer.close();
    }
    expect(left()).toEqual([id]);
  });

  it('keeps a run that is being measured, or whose job may be on a cluster', async () => {
    const { dir, id } = await endedRun();
    await withMeasuringMark(dir, async () => {
      await expect(remove(id, '--dry-run')).rejects.toMatchObject(refused);
      await expect(remove(id, '--yes')).rejects.toMatchObject(refused);
    });
    await writeCluster(dir, clusterFile('http://127.0.0.1:9'));
    await expect(remove(id, '--yes')).rejects.toMatchObject(refused);
    expect(left()).toEqual([id]);
  });

  it('deletes a run that can no longer be read, and no folder elsewhere', async () => {
    const { dir, id } = await endedRun();
    writeFileSync(join(dir, 'run.json'), '{');
    await remove(id, '--yes');
    expect(left()).toEqual([]);
    const elsewhere = join(home.path(), 'copy');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'run.json'), '{}');
    await expect(remove(elsewhere, '--yes')).rejects.toMatchObject({ code: 'bad-argument' });
    expect(existsSync(elsewhere)).toBe(true);
  });
});
