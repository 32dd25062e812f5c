import { describe, expect, it } from 'vitest';
import { tradeOffChart } from '../../../webview/charts/trade-off.ts';
import type { RunView } from '../../../webview/view-model/panel.ts';
import { axisTitle, forgettingMetrics, tradeOff } from '../../../webview/view-model/trade-off.ts';
import { makeRun, metric, panelOf, withCheckpointKl, withSamples, withStrengths } from './fixtures.ts';

const loss = { task: 'workspace', metric: 'loss', better: 'lower' } as const;
const kl = { task: 'retention', metric: 'KL from base', better: 'lower' } as const;
const viewOf = (shown: RunView[]) => tradeOff(shown, loss, kl)!;

describe('learning against forgetting', () => {
  it('converts a fall of held-out loss into learning, along with its interval', () => {
    const [path] = viewOf(panelOf([makeRun()]).shown).paths;
    // Without checkpoints, it goes from the base to the result.
    expect(path!.points.map(({ step }) => step)).toEqual([0, 60]);
    const result = path!.points[1]!;
    expect(result.x).toBeCloseTo(0.195, 10);
    expect(result.xLow).toBeCloseTo(0.175, 10);
    expect(result.xHigh).toBeCloseTo(0.215, 10);
    expect(result).toMatchObject({ y: 0.064, paired: true });
    expect(Object.is(path!.points[0]!.x, 0)).toBe(true);
  });

  it.each([
    { reference: { sha256: 'ab' } },
    { continues: { run: 'r1', sha256: 'ab' } },
    { fetched: { from: 's3://team', name: 'demo', version: 1, reference: { sha256: 'ab' } } },
  ])(
    'begins at the KL of the adapter that training began with, or with the first checkpoint: %o',
    (began) => {
      const run = withStrengths(makeRun({ checkpoints: 6 }));
      Object.assign(run.spec, began);
      const stepsAndKl = () =>
        viewOf(panelOf([run]).shown).paths[0]!.points.map(({ step, y }) => [step, y] as const);
      expect(stepsAndKl().map(([step]) => step)).toEqual([10, 20, 30, 40, 50, 60]);
      run.summary!.choice!.klAtZero = { value: 0.02, low: 0.01, high: 0.03 };
      expect(stepsAndKl()[0]).toEqual([0, 0.02]);
    },
  );

  it('makes a path of the checkpoints at which both were measured, and separates the final evaluation', () => {
    const run = makeRun({ checkpoints: 6, best: 50 });
    // One more measurement of the loss alone.
    run.events.push({ type: 'evaluation', time: '', step: 35, result: metric('workspace', 'loss', 2, 0.1) });
    const [path] = viewOf(panelOf([run]).shown).paths;
    expect(path!.points.map(({ step }) => step)).toEqual([0, 10, 20, 30, 40, 50, 60]);
    const events = run.events.flatMap((event) =>
      event.type === 'evaluation' && event.step === 50 ? [event.result] : [],
    );
    const at = path!.points[5]!;
    expect(at.x).toBeCloseTo(2.146 - events[0]!.value, 10);
    expect(at.xHigh - at.xLow).toBeCloseTo(events[0]!.high - events[0]!.low, 10);
    expect(at.y).toBeCloseTo(events[1]!.value, 10);
    expect(at.paired).toBe(false);
    expect(path).toMatchObject({ best: 50, final: { step: 60, paired: true } });
    expect(tradeOffChart.note!(viewOf(panelOf([run]).shown))).toContain('Star');
  });

  it('keeps a result of another strength apart from checkpoints, and says so', () => {
    const note = (...runs: ReturnType<typeof makeRun>[]) =>
      tradeOffChart.note!(viewOf(panelOf(runs, { compared: ['b'] }).shown));
    const half = withCheckpointKl(withStrengths(makeRun()));
    const [path] = viewOf(panelOf([half]).shown).paths;
    expect(path!.points.map(({ step, y }) => [step, y])).toEqual([
      [0, 0],
      [20, 0.12],
      [40, 0.17],
    ]);
    expect(path).toMatchObject({ final: { step: 60, y: 0.064 }, strength: 0.5 });
    expect(note(half)).toContain('Checkpoints are at full strength; the result is at 0.5.');
    expect(note(half, makeRun({ id: 'b', method: 'full' }))).toContain('the strength in use.');
    const full = withCheckpointKl(withStrengths(makeRun(), 1));
    expect(viewOf(panelOf([full]).shown).paths[0]!.points.map(({ step }) => step)).toEqual([0, 20, 40, 60]);
    expect(note(full)).not.toContain('strength');
    // The events are still those of the strength that was chosen.
    const set = withCheckpointKl(withStrengths(makeRun(), 0.5, 1));
    expect(viewOf(panelOf([set]).shown).paths[0]!.points.map(({ step }) => step)).toEqual([0, 20, 40]);
  });

  it('joins it with the checkpoints only if both were measured alike, also in strength', () => {
    const finalOf = (strength: number) => {
      const run = withCheckpointKl(withStrengths(makeRun(), strength));
      const { after } = run.summary!.comparisons.find(({ metric }) => metric === 'loss')!;
      for (const event of run.events)
        if (event.type === 'evaluation' && event.result.metric === 'loss')
          event.result.setting = after.setting;
      return viewOf(panelOf([run]).shown).paths[0]!.final;
    };
    expect(finalOf(1)).toBeUndefined();
    expect(finalOf(0.5)).toMatchObject({ step: 60 });
  });

  it('uses paired differences if the events have them', () => {
    const run = makeRun({ checkpoints: 3 });
    for (const event of run.events)
      if (event.type === 'evaluation' && event.result.metric === 'loss' && event.step === 20)
        event.change = { value: -0.1, low: -0.12, high: -0.08 };
    const [path] = viewOf(panelOf([run]).shown).paths;
    expect(path!.points[1]).toMatchObject({ x: 0.1, xLow: 0.08, xHigh: 0.12, paired: true });
  });

  it('shows only runs with the same base, and says if they learned from different texts', () => {
    const other = makeRun({ id: 'other', folder: '/home/me/else' });
    const foreign = makeRun({ id: 'foreign' });
    foreign.spec.base.sha256 = 'cd'.repeat(32);
    const panel = panelOf([makeRun(), other, foreign, makeRun({ id: 'live', upTo: 3 })], {
      compared: ['other', 'foreign', 'live'],
    });
    const view = tradeOffChart.read(panel, {})!;
    expect(view.paths.map(({ run }) => run)).toEqual([makeRun().spec.id, 'other']);
    expect(tradeOffChart.warning!(view)).toContain('different texts');
    expect(tradeOffChart.warning!(tradeOffChart.read(panelOf([makeRun()]), {})!)).toBeUndefined();
  });

  it('measures forgetting by the chosen metric: a fall if higher is better', () => {
    const panel = panelOf([withSamples(makeRun())]);
    expect(forgettingMetrics(panel.shown)[0]).toEqual(kl);
    const pass = { task: 'humaneval', metric: 'pass@1', better: 'higher' } as const;
    const view = tradeOffChart.read(panel, { forgot: 'humaneval pass@1' })!;
    expect(view.forgetting).toEqual(pass);
    expect(view.paths[0]!.points.at(-1)!.y).toBeCloseTo(0.025, 10);
    expect(axisTitle(pass, 'forgot')).toBe('forgot: fall of HumanEval pass@1, points');
    expect(axisTitle(loss, 'learned')).toBe('learned: fall of held-out loss, nats/token');
    expect(tradeOffChart.words(view)).toContain('forgot 2.500 [1.667, 3.333] points');
  });

  it('takes the better direction from the run, whatever a metric is called', () => {
    const run = makeRun({ upTo: 30, checkpoints: 3 });
    const solved = (value: number) => metric('humaneval', 'puzzles solved', value, 0.1);
    for (const [step, value] of [
      [0, 12],
      [20, 9],
    ] as const)
      run.events.push({ type: 'evaluation', time: '', step, result: solved(value), better: 'higher' });
    const view = tradeOffChart.read(panelOf([run]), { forgot: 'humaneval puzzles solved' })!;
    expect(view.paths[0]!.points.at(-1)!.y).toBeCloseTo(3, 10);
    expect(axisTitle(view.forgetting, 'forgot')).toContain('fall of HumanEval puzzles solved');
  });

  it('takes it from the end of a run of an earlier version, which did not store it with each metric', () => {
    const old = (run: ReturnType<typeof makeRun>) => {
      const events = run.events.map((event) =>
        event.type === 'evaluation' ? { ...event, better: undefined } : event,
      );
      return { ...run, events };
    };
    const done = panelOf([old(makeRun({ checkpoints: 3 }))]);
    expect(tradeOffChart.read(done, {})).toMatchObject({ learning: loss, forgetting: kl });
    const live = old(makeRun({ id: 'live', upTo: 30, checkpoints: 3 }));
    expect(tradeOffChart.read(panelOf([live]), {})).toBeUndefined();
    const view = panelOf([old(makeRun({ checkpoints: 3 })), live], { compared: ['live'] });
    expect(tradeOffChart.read(view, {})!.paths.map(({ run }) => run)).toContain('live');
  });

  it('has nothing to show for a run that measured neither', () => {
    expect(tradeOffChart.read(panelOf([makeRun({ upTo: 3 })]), {})).toBeUndefined();
    expect(tradeOffChart.read(panelOf([]), {})).toBeUndefined();
  });

  it('stays readable with a thousand checkpoints', () => {
    const view = tradeOffChart.read(panelOf([makeRun({ steps: 2000, checkpoints: 1000 })]), {})!;
    expect(view.paths[0]!.points).toHaveLength(1001);
    const theme = { palette: ['#000000'], text: '#000000', background: '#ffffff' } as never;
    const path = tradeOffChart.datasets(view, theme).at(-1)!;
    expect(path.data.length).toBeLessThanOrEqual(402);
    expect(path.data.filter(({ bare }) => !bare).length).toBeLessThanOrEqual(9);
    expect(tradeOffChart.rows(view).length).toBe(2 * 1002);
  });
});
