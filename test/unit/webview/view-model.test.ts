import { describe, expect, it } from 'vitest';
import { comparisonRows, verdict } from '../../../webview/view-model/comparisons.ts';
import { corpusView, runFacts } from '../../../webview/view-model/facts.ts';
import { columns, comparedRuns, differingColumns } from '../../../webview/view-model/run-comparison.ts';
import { runMessages } from '../../../webview/view-model/run-messages.ts';
import { metricLabel, runLabels, shownLabels } from '../../../webview/view-model/labels.ts';
import { readPanel } from '../../../webview/view-model/panel.ts';
import { applyMessage } from '../../../webview/view-model/state.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { readSeries } from '../../../webview/view-model/series.ts';
import { readStatus } from '../../../webview/view-model/status.ts';
import { corpusPlanSchema } from '../../../src/protocol/run.ts';
import { comparison, makeRun, metric, panelOf, summary, type Wanted } from './fixtures.ts';
import { choiceAt } from '../../support/choice.ts';

const now = Date.parse('2026-11-24T14:10:00Z');
const fresh = '2026-11-24T14:09:55Z';

describe('status', () => {
  const of = (state: Wanted['state']) => readStatus(makeRun({ upTo: 30, state }), now);

  it('shows a live run with its progress and a way to stop it', () => {
    const status = of({ heartbeat: fresh, phase: 'Training', etaSeconds: 120 });
    expect(status).toMatchObject({
      kind: 'running',
      live: true,
      canStop: true,
      canUse: false,
      progress: { done: 30, total: 60 },
    });
    expect(status.sentence).toBe('Training: step 30 of 60, about 2 min left.');
  });
  it('says once that it is measuring, and for how long', () => {
    const status = of({
      ...{ status: 'evaluating', phase: 'Evaluating', heartbeat: fresh },
      ends: new Date(now + 240_000).toISOString(),
    });
    expect(status).toMatchObject({
      label: 'Measuring',
      sentence: 'Measuring what was learned and forgotten, about 4 min left.',
    });
  });
  it('is interrupted if the owner has gone silent, with how to resume', () => {
    const view = of({ status: 'running', heartbeat: '2026-11-24T14:08:00Z' });
    expect(view).toMatchObject({ kind: 'interrupted', live: false, canStop: false });
    expect(view.next).toContain('{resume 20261124-1405-lora-smollm2-135m-ab12}');
  });
  it('says that only measuring is missing if the owner has gone silent in it', () => {
    const run = makeRun({ state: { status: 'evaluating', heartbeat: '2026-11-24T14:08:00Z' } });
    run.summary!.pending = ['retention'];
    expect(readStatus(run, now)).toMatchObject({
      kind: 'interrupted',
      sentence: 'Measuring was stopped; the result is kept.',
      next: '{evaluate 20261124-1405-lora-smollm2-135m-ab12} measures the rest.',
    });
  });
  it('is interrupted, or not, as the host sees its owner, whatever its heartbeat is', () => {
    const kindWith = (heartbeat: string, live: string[]) => {
      const run = makeRun({ upTo: 30, state: { heartbeat } });
      const state = applyMessage(undefined, { type: 'runs', runs: [run], sweeps: [], live })!;
      return readPanel(state, { compared: [] }, now, true).run!.status.kind;
    };
    const { id } = makeRun().spec;
    expect(kindWith(fresh, [])).toBe('interrupted');
    expect(kindWith('2026-11-24T14:00:00Z', [id])).toBe('running');
  });
  it('is queued for a minute, and interrupted if no trainer has started by then', () => {
    const queued = (seconds: number) =>
      of({ status: 'queued', queuedAt: new Date(now - 1000 * seconds).toISOString() });
    expect(queued(10)).toMatchObject({ kind: 'queued', live: true, canStop: true });
    expect(queued(90)).toMatchObject({ kind: 'interrupted', live: false });
  });
  it('includes what failed and what to do', () => {
    const view = of({
      status: 'failed',
      error: { code: 'diverged', message: 'The loss became NaN.', next: 'Lower the rate.' },
    });
    expect(view).toMatchObject({
      kind: 'failed',
      sentence: 'The loss became NaN.',
      next: 'Lower the rate.',
      canUse: false,
    });
  });
  it('distinguishes cancelled from failed', () => {
    expect(of({ status: 'cancelled' })).toMatchObject({ label: 'Stopped', live: false, canStop: false });
  });
  it('offers a finished run for completion, unless it is served differently from how it was trained', () => {
    expect(readStatus(makeRun(), now)).toMatchObject({ kind: 'done', canUse: true });
    const run = makeRun();
    run.summary!.served!.ok = false;
    expect(readStatus(run, now)).toMatchObject({
      canUse: false,
      next: expect.stringContaining('does not match'),
    });
    delete run.summary!.served;
    expect(readStatus(run, now)).toMatchObject({
      canUse: true,
      next: expect.stringContaining('"Use for Completion" checks it first'),
    });
  });
  it('offers a finished run whose last event is not known', () => {
    const run = makeRun();
    run.events = [];
    run.summary!.pending = ['retention'];
    expect(readStatus(run, now)).toMatchObject({ kind: 'done', canUse: true, canMeasure: true });
  });
  it('does not offer a result that is no better than the base', () => {
    const run = makeRun();
    run.summary!.choice = choiceAt(0, 'nothing was gained', { next: 'Try more.' });
    expect(readStatus(run, now)).toMatchObject({ canUse: false, next: undefined });
  });
  it('offers a result while the rest of it is being measured', () => {
    const run = makeRun();
    run.state = { ...run.state, status: 'evaluating', heartbeat: new Date(now).toISOString() };
    expect(readStatus(run, now)).toMatchObject({ kind: 'evaluating', canUse: false });
    run.summary!.choice = choiceAt(0.5, 'it learned most');
    expect(readStatus(run, now)).toMatchObject({ kind: 'evaluating', canUse: true, canStop: true });
  });
  it('offers to measure what is not measured yet, even if the run has been interrupted', () => {
    const run = makeRun();
    expect(readStatus(run, now).canMeasure).toBe(false);
    run.summary!.pending = ['retention'];
    expect(readStatus(run, now).canMeasure).toBe(true);
    run.state = { ...run.state, status: 'evaluating', heartbeat: new Date(now - 120_000).toISOString() };
    expect(readStatus(run, now)).toMatchObject({ kind: 'interrupted', canMeasure: true, canUse: true });
    run.state.status = 'running';
    expect(readStatus(run, now)).toMatchObject({ kind: 'interrupted', canMeasure: false, canUse: false });
  });
});

describe('comparisons', () => {
  const loss = (difference: number, half: number, better: 'lower' | 'higher' = 'lower') =>
    comparison(
      ['t', 'm', 'u', better],
      metric('t', 'm', 2, 0.1),
      metric('t', 'm', 2 + difference, 0.1),
      half,
    );
  it('have a direction only outside the interval', () => {
    expect(verdict(loss(-0.2, 0.1))).toBe('better');
    expect(verdict(loss(0.2, 0.1))).toBe('worse');
    expect(verdict(loss(0.2, 0.1, 'higher'))).toBe('better');
    expect(verdict(loss(-0.2, 0.3))).toBe('same');
  });
  it('show value, interval, n and setting of each', () => {
    const rows = comparisonRows(summary(60));
    expect(rows.map(({ metric }) => metric)).toEqual([
      'Held-out loss',
      'Held-out bits per byte',
      'Held-out line exact match',
      'Held-out characters saved',
      'HumanEval pass@1',
      'KL from base',
    ]);
    expect(rows[4]).toMatchObject({
      values: ['5.0% [1.0%, 9.0%]', expect.stringContaining('%')],
      verdict: 'same',
      n: '20',
      unit: '',
      setting: expect.stringContaining('164'),
    });
    expect(rows[0]).toMatchObject({
      difference: '\u22120.195 [\u22120.215, \u22120.175]',
      unit: 'nats/token',
    });
  });
  it('keep the name of an unknown metric', () => {
    expect(metricLabel('mbpp', 'strict match')).toBe('mbpp strict match');
  });
});

describe('facts', () => {
  it('name backend and reason, speed and memory, from the end of a finished run', () => {
    const run = makeRun();
    const facts = new Map(runFacts(run, readSeries(run.events)).map((fact) => [fact.name, fact]));
    expect(facts.get('Backend')).toMatchObject({
      value: 'tensorflow, f32',
      note: expect.stringContaining('fastest'),
    });
    expect(facts.get('Speed')?.value).toBe('130 tokens/s');
    expect(facts.get('Peak memory')?.value).toBe('2.34 GB');
    expect(facts.get('Method')).toMatchObject({
      value: 'LoRA r=16',
      note: expect.stringContaining('all linears'),
    });
  });
  it('say that the time of a resumed run is that since then', () => {
    const run = makeRun();
    const start = run.events.find((event) => event.type === 'start')!;
    const done = run.events.find((event) => event.type === 'done')!;
    const tookOf = (seconds: number) => {
      const { time } = run.events.find((event) => event.type === 'step' && event.step === 30)!;
      const events = [
        ...run.events.filter((event) => 'step' in event && event.step <= 30),
        { ...start, time, step: 30 },
        ...run.events.filter((event) => 'step' in event && event.step > 30 && event.type !== 'done'),
        { ...done, seconds },
      ];
      const facts = runFacts({ ...run, events }, readSeries(events));
      return facts.find(({ name }) => name === 'Training and measuring took')!;
    };
    expect(tookOf(120)).toMatchObject({ value: '2 min', note: 'since it was resumed' });
    // The same trainer went on after it lost its GPU.
    expect(tookOf(245)).toMatchObject({ value: '4 min', note: undefined });
  });
  it('state where the rate came from, the planned memory, and why training went back', () => {
    const run = makeRun();
    const time = run.events[0]!.time;
    run.spec.learningRateReason = 'by the sweep of yesterday';
    run.events.push(
      { type: 'memory', time, plan: {}, total: 2.5e9, available: 8e9 },
      { type: 'rollback', time, step: 7, to: 4, why: 'the loss stayed at 9.00', rateScale: 0.5 },
    );
    const series = readSeries(run.events);
    const facts = new Map(runFacts(run, series).map(({ name, note }) => [name, note]));
    expect(facts.get('Learning rate')).toMatch(/, by the sweep of yesterday$/);
    expect(facts.get('Peak memory')).toBe('2.50 GB planned');
    expect(series.warnings.at(-1)).toBe(
      'At step 7 the loss stayed at 9.00: back to step 4; training skips that data and continues at 0.5 of the rate.',
    );
  });
  it('name the run that it continues, and how much is new', () => {
    const run = makeRun();
    run.spec.continues = { run: 'r1', sha256: 'ab'.repeat(32) };
    run.corpus!.changed = { files: 1234, trainTokens: 56_789, replay: 0.25 };
    expect(runFacts(run, readSeries(run.events)).find(({ name }) => name === 'Continues')).toEqual({
      name: 'Continues',
      value: 'r1',
      note: '1,234 new or changed since, 56,789 tokens to train on; 25% of training is replay of what was there',
    });
  });
  it('have no rank for full fine-tuning', () => {
    const run = makeRun({ method: 'full' });
    expect(runFacts(run, readSeries(run.events)).find(({ name }) => name === 'Method')).toEqual({
      name: 'Method',
      value: 'full fine-tuning',
      note: undefined,
    });
  });
  it('count what was left out, most frequent reason first', () => {
    const view = corpusView(makeRun().corpus!, makeRun().spec);
    expect(view.sentence).toBe(
      '214 files kept (608k tokens to train on, 71k held out); 1,234 files or folders left out.',
    );
    expect(view.leftOut[0]).toEqual({ reason: 'git ignores it', count: 1203 });
    expect(view.leftOut.at(-1)).toEqual({ reason: 'contains what looks like a secret', count: 1 });
  });
  it('list all folders', () => {
    const run = makeRun();
    run.spec.folders = ['/api', '/web'].map((path) => ({ path, name: path.slice(1) }));
    const facts = runFacts(run, readSeries(run.events));
    expect(facts).toContainEqual({ name: 'Folders', value: '/api, /web' });
  });
  it('name a data set, and how it is learned', () => {
    const run = makeRun({ folder: '' });
    run.spec.corpus = corpusPlanSchema.parse({
      mode: 'instruct',
      data: 'team/pairs',
      replay: { source: 'base', rate: 0.25 },
    });
    expect(corpusView(run.corpus!, run.spec).sentence).toMatch(/^214 rows kept .* 1,234 rows left out\.$/);
    const facts = runFacts(run, readSeries(run.events));
    expect(facts.map(({ name }) => name)).not.toContain('Folder');
    expect(facts).toContainEqual({ name: 'Data set', value: 'team/pairs' });
    expect(facts).toContainEqual({ name: 'Learned', value: 'answers to instructions, 25% replay of base' });
  });
});

describe('panel', () => {
  const runs = [makeRun({ id: 'a' }), makeRun({ id: 'b' })];
  runs[1]!.spec.createdAt = '2026-11-25T00:00:00Z';
  const read = (selected: string | undefined, some = runs) =>
    readPanel({ runs: some, sweeps: [] }, { selected, compared: [] }, now, true);
  it('shows the newest run first and falls back on it', () => {
    expect(read(undefined).runs.map(({ spec }) => spec.id)).toEqual(['b', 'a']);
    expect(read('gone').run?.id).toBe('b');
    expect(read('a').run?.id).toBe('a');
    expect(read('a', []).run).toBeUndefined();
  });
  it('gives each run a unique name, as short as possible', () => {
    const lora = makeRun({ id: 'x' });
    const fast = makeRun({ id: 'y', rate: 3e-3 });
    const full = makeRun({ id: 'z', method: 'full' });
    const twin = makeRun({ id: 'w', method: 'full' });
    const labels = (...some: (typeof lora)[]) => [...runLabels(some).values()];
    expect(labels(lora, full)).toEqual(['web-server, LoRA r=16', 'web-server, full fine-tuning']);
    expect(labels(lora, fast)).toEqual([
      'web-server, LoRA r=16, rate 1e-3',
      'web-server, LoRA r=16, rate 3e-3',
    ]);
    expect(labels(full, twin)).toEqual([
      'web-server, full fine-tuning, z',
      'web-server, full fine-tuning, w',
    ]);
  });
  it('labels compared runs by what differs, and by nothing else', () => {
    const lora = makeRun({ id: 'x' });
    const full = makeRun({ id: 'z', method: 'full' });
    const labels = (...some: (typeof lora)[]) => [...shownLabels(some).values()];
    expect(labels(lora)).toEqual(['web-server, LoRA r=16']);
    expect(labels(lora, full)).toEqual(['LoRA r=16', 'full fine-tuning']);
    expect(labels(lora, makeRun({ id: 'y', rate: 3e-3 }))).toEqual(['rate 1e-3', 'rate 3e-3']);
    expect(labels(lora, makeRun({ id: 'y', steps: 90 }))).toEqual(['60 steps', '90 steps']);
    expect(labels(lora, full, makeRun({ id: 'v', name: 'shop' }))).toEqual([
      'web-server, LoRA r=16',
      'web-server, full fine-tuning',
      'shop, LoRA r=16',
    ]);
    expect(labels(full, makeRun({ id: 'w', method: 'full' }))).toEqual(['z', 'w']);
    expect(labels()).toEqual([]);
  });
  it('lists runs by the columns in which they differ', () => {
    const telling = (...some: RunSnapshot[]) =>
      columns
        .filter((_, at) => differingColumns(comparedRuns(panelOf(some)))[at])
        .map(({ title }) => title());
    const lora = makeRun({ id: 'x' });
    expect(telling(lora, makeRun({ id: 'y' }))).toEqual(['Started', 'Result']);
    expect(telling(lora, makeRun({ id: 'z', method: 'full' }))).toEqual([
      'Method',
      'Rate',
      'Started',
      'Result',
    ]);
  });
  it('separates warnings that can be acted upon from notes', () => {
    const run = makeRun();
    const warningOf = (message: string) => ({ type: 'warning', time: run.spec.createdAt, message }) as const;
    const advice = `It ended early. Go on with {evaluate ${run.spec.id}}.`;
    const events = [...run.events, warningOf('Checkpoints wait until step 24.'), warningOf(advice)];
    expect(runMessages(panelOf([{ ...run, events, brokenLines: 1 }]).run)).toEqual({
      warnings: [advice],
      notes: [
        'Checkpoints wait until step 24.',
        '1 line of events.jsonl could not be read and is not shown.',
      ],
    });
    expect(runMessages(undefined)).toEqual({ warnings: [], notes: [] });
  });
  it('warns of different corpora, by their digest if there is one', () => {
    const digest = (run: RunSnapshot, text: string) => ({ ...run, corpus: { ...run.corpus!, digest: text } });
    const [a, b] = [makeRun({ id: 'a' }), makeRun({ id: 'b', folder: '/moved' })];
    const warning = (...some: RunSnapshot[]) => panelOf(some, { compared: ['b'] }).differentCorpora;
    expect(warning(a, b)).toContain('different texts');
    expect(warning(digest(a, '1'), digest(b, '1'))).toBeUndefined();
    expect(warning(digest(a, '1'), digest(b, '2'))).toContain('different texts');
    expect(warning(a)).toBeUndefined();
  });
});
