import { describe, expect, it } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { advise } from '../../../webview/view-model/advice.ts';
import {
  comparison,
  makeRun,
  makeSweep,
  metric,
  panelOf,
  withCheckpointKl,
  withSamples,
  withStrengths,
} from './fixtures.ts';

const texts = (panel: ReturnType<typeof panelOf>) => advise(panel).advice.map(({ text }) => text);
const time = '2026-11-24T14:05:00Z';

/** A run whose result differs from the base by this much. */
function ended(run: RunSnapshot, loss: [value: number, half: number], kl: [value: number, half: number]) {
  const comparisons = [
    comparison(
      ['workspace', 'loss', 'nats/token', 'lower'],
      metric('workspace', 'loss', 2.1, 0.1),
      metric('workspace', 'loss', 2.1 + loss[0], 0.1),
      loss[1],
    ),
    // For tokens of three and a half bytes.
    comparison(
      ['workspace', 'bits per byte', '', 'lower'],
      metric('workspace', 'bits per byte', 0.86, 0.05),
      metric('workspace', 'bits per byte', 0.86 + 0.4 * loss[0], 0.05),
      0.4 * loss[1],
    ),
    comparison(
      ['retention', 'KL from base', 'nats/token', 'lower'],
      metric('retention', 'KL from base', 0, 0),
      metric('retention', 'KL from base', ...kl),
      kl[1],
    ),
  ];
  return { ...run, summary: { ...run.summary!, comparisons } };
}
/** The same run with other held-out losses at its checkpoints. */
function withCurve(run: RunSnapshot, losses: number[]): RunSnapshot {
  const steps = run.state.steps;
  const others = run.events.filter((event) => event.type !== 'evaluation');
  const events = losses.map((loss, at) => ({
    type: 'evaluation' as const,
    time,
    step: Math.round((at * steps) / (losses.length - 1)),
    result: metric('workspace', 'loss', loss, 0.05, 8, 'during training: 8 held-out sequences'),
  }));
  return { ...run, events: [...others, ...events] };
}
const flat = [2.1, 2.0, 1.95, 1.95, 1.95];

describe('advice', () => {
  it('is empty if nothing was measured, and if nothing calls for a change', () => {
    expect(advise(panelOf([makeRun({ upTo: 0 })]))).toEqual({
      advice: [],
      none: 'No advice yet: nothing has been measured.',
    });
    const begun = makeRun({ upTo: 60, steps: 60, state: { status: 'evaluating', heartbeat: time } });
    begun.summary = { ...begun.summary!, comparisons: [] };
    expect(advise(panelOf([begun])).none).toBe('No advice before the result is measured.');
    begun.events = [];
    expect(advise(panelOf([begun])).none).toBe('No advice yet: nothing has been measured.');
    const good = ended(withCurve(makeRun(), flat), [-0.15, 0.02], [0.03, 0.005]);
    expect(advise(panelOf([good])).none).toContain('the measurements suggest no change');
    expect(texts(panelOf([good]))).toEqual([]);
  });

  it('always suggests a change if the result is far from its base, or worse at every checkpoint', () => {
    const far = ended(withCurve(makeRun(), flat), [-0.15, 0.02], [1.6, 0.1]);
    expect(advise(panelOf([far])).advice).toEqual([
      {
        text: 'Use it at a lower strength, or train at a lower learning rate: it has moved far from its base.',
        because: 'KL from base 1.600 [1.500, 1.700] nats/token; up to 0.1 counts as close to the base.',
      },
    ]);
    const rose = ended(withCurve(makeRun(), [2.1, 2.2, 2.3, 2.35]), [-0.05, 0.02], [0.05, 0.01]);
    expect(texts(panelOf([rose]))).toEqual([
      'Use a learning rate below 1e-3: held-out loss was above where it began at every checkpoint.',
    ]);
  });

  it('suggests a longer run if held-out loss was still falling, and only then', () => {
    const falling = ended(withCurve(makeRun(), [2.1, 2.04, 1.99, 1.95, 1.91]), [-0.19, 0.02], [0.03, 0.005]);
    const [advice] = advise(panelOf([falling])).advice;
    expect(advice!.text).toContain('Train for longer');
    expect(advice!.because).toBe(
      'It fell from 1.990 [1.940, 2.040] at step 30 to 1.910 [1.860, 1.960] at step 60, 42% of the whole fall.',
    );
  });

  it('does not suggest one if every strength forgot too much', () => {
    const falling = ended(withCurve(makeRun(), [2.1, 2.04, 1.99, 1.95, 1.91]), [-0.19, 0.02], [0.03, 0.005]);
    const longer = expect.stringContaining('Train for longer') as string;
    expect(texts(panelOf([withStrengths(falling)]))).toContainEqual(longer);
    const tooFar = withStrengths(falling, 0);
    for (const point of tooFar.summary!.choice!.path) point.kl = { value: 0.2, low: 0.15, high: 0.25 };
    expect(texts(panelOf([tooFar]))).not.toContainEqual(longer);
  });

  it('suggests a shorter run if held-out loss rose while training loss fell', () => {
    const turned = ended(withCurve(makeRun(), [2.1, 1.95, 1.9, 1.96, 2.0]), [-0.1, 0.02], [0.03, 0.005]);
    expect(texts(panelOf([turned]))).toEqual([expect.stringContaining('Train for about 30 steps')]);
    // One later checkpoint above the lowest may be noise.
    const once = ended(withCurve(makeRun(), [2.1, 1.95, 1.92, 1.9, 1.93]), [-0.1, 0.02], [0.03, 0.005]);
    expect(texts(panelOf([once]))).toEqual([]);
  });

  it('says where the path began to cost more than it gained', () => {
    const run = makeRun({ checkpoints: 6 });
    const [text] = texts(panelOf([run]));
    expect(text).toContain('Stop near step 40');
  });

  it('says so by checkpoints alone if the result has another strength', () => {
    const curve = withCurve(makeRun(), [2.1, 1.91, 1.905, 1.9, 1.895]);
    const run = withCheckpointKl(withStrengths(ended(curve, [-0.15, 0.02], [0.06, 0.006])), [
      [15, 0.05],
      [30, 0.1],
      [45, 0.17],
    ]);
    expect(advise(panelOf([run])).advice[0]).toMatchObject({
      text: expect.stringContaining('Stop near step 15'),
      because: expect.stringContaining('From step 15 to 45'),
    });
  });

  it('suggests a lower rate and replay if it forgot and learned nothing', () => {
    const run = ended(withCurve(makeRun(), flat), [0.01, 0.03], [0.2, 0.03]);
    const found = texts(panelOf([run])).join(' ');
    expect(found).toContain('what was learned does not carry over');
    expect(found).toContain('--replay base');
  });

  it('recommends the method that forgot less at the same learning, whichever it is', () => {
    const lora = ended(withCurve(makeRun(), flat), [-0.15, 0.02], [0.12, 0.01]);
    const full = ended(withCurve(makeRun({ id: 'full', method: 'full' }), flat), [-0.15, 0.02], [0.04, 0.01]);
    expect(texts(panelOf([lora, full]))).toEqual([expect.stringContaining('Full fine-tuning works better')]);
    expect(texts(panelOf([full, lora]))).toEqual([]);
    const turned = [
      ended(withCurve(makeRun(), flat), [-0.15, 0.02], [0.04, 0.01]),
      ended(withCurve(makeRun({ id: 'full', method: 'full' }), flat), [-0.15, 0.02], [0.12, 0.01]),
    ];
    expect(texts(panelOf([turned[1]!, turned[0]!]))).toEqual([expect.stringContaining('LoRA works better')]);
    // For another text, or if the intervals overlap, it says nothing.
    const elsewhere = { ...full, spec: { ...full.spec, folder: '/else' } };
    const better = expect.stringContaining('works better on this text') as string;
    expect(texts(panelOf([lora, elsewhere]))).not.toContainEqual(better);
    const near = ended(full, [-0.15, 0.02], [0.105, 0.01]);
    expect(texts(panelOf([lora, near]))).not.toContainEqual(better);
    const less = ended(full, [-0.05, 0.02], [0.04, 0.01]);
    expect(texts(panelOf([lora, less]))).not.toContainEqual(better);
  });

  it('uses the sweep: a much higher stable rate, a rate that diverges, an edge', () => {
    const run = (rate: number) => ended(withCurve(makeRun({ rate }), flat), [-0.15, 0.02], [0.03, 0.005]);
    const sweeps = [makeSweep()];
    expect(texts(panelOf([run(1e-4)], { sweeps }))).toEqual([
      'Try a higher learning rate: 1e-3 instead of 1e-4.',
    ]);
    expect(texts(panelOf([run(3e-3)], { sweeps }))).toEqual([
      'Try a lower learning rate: 1e-3 instead of 3e-3.',
    ]);
    expect(texts(panelOf([run(1e-3)], { sweeps }))).toEqual([]);
    const lowered = (patch: Partial<RunSnapshot['spec']>, rate = 1e-4) => {
      const { spec, ...rest } = run(rate);
      return texts(panelOf([{ ...rest, spec: { ...spec, ...patch } }], { sweeps }));
    };
    // Such rates are below the sweep's on purpose.
    const learningRateReason = 'from the sweep of 24 November, lowered to 1e-4 for 60 steps instead of 4';
    expect(lowered({ learningRateReason })).toEqual([]);
    expect(lowered({ reference: { sha256: 'ab' } })).toEqual([]);
    expect(lowered({ continues: { run: 'r1', sha256: 'ab' } })).toEqual([]);
    const higher = ['Try a higher learning rate: 1e-3 instead of 1e-4.'];
    expect(lowered({ learningRateReason: 'given' })).toEqual(higher);
    // By an earlier sweep.
    expect(lowered({ learningRateReason, createdAt: '2026-11-24T09:00:00Z' })).toEqual(higher);
    expect(lowered({ reference: { sha256: 'ab' } }, 3e-3)).toEqual([
      'Try a lower learning rate: 1e-3 instead of 3e-3.',
    ]);
    const edge = makeSweep();
    edge.methods[0]!.rates.pop();
    delete edge.methods[0]!.divergesFrom;
    expect(texts(panelOf([run(1e-3)], { sweeps: [edge] }))).toEqual([
      'Try higher learning rates in a sweep: the best one may lie above 1e-3.',
    ]);
  });

  it('is not given if too little was measured, and says so', () => {
    const run = ended(withCurve(makeRun(), [2.1, 2.04, 1.99, 1.95, 1.91]), [-0.1, 0.4], [0.2, 0.03]);
    expect(advise(panelOf([run]))).toEqual({
      advice: [],
      none: 'No advice: too little was measured to tell what would help.',
    });
    // Better by the scores it was chosen by; what was measured afterwards is inconclusive.
    const better = withStrengths(ended(withCurve(makeRun(), flat), [-0.16, 0.85], [0.02, 0.01]));
    expect(advise(panelOf([better]))).toMatchObject({
      advice: [],
      none: expect.stringContaining('too little'),
    });
    // A search for a rate is measured separately.
    const rate = ended(withCurve(makeRun({ rate: 1e-4 }), flat), [-0.1, 0.4], [0.2, 0.03]);
    expect(texts(panelOf([rate], { sweeps: [makeSweep()] }))).toEqual([
      'Try a higher learning rate: 1e-3 instead of 1e-4.',
    ]);
  });

  it('suggests a lower rate after repeated rollbacks', () => {
    const run = makeRun({ upTo: 30 });
    const back = { type: 'rollback' as const, time, step: 20, to: 10, why: 'the loss stayed at 9.00' };
    run.events.push({ ...back, rateScale: 0.5 }, { ...back, step: 25, rateScale: 0.25 });
    expect(texts(panelOf([run]))[0]).toBe(
      'Start with a lower learning rate: 2.5e-4 or less instead of 1e-3.',
    );
  });

  it('is at most three items, each with its metrics', () => {
    const { advice } = advise(
      panelOf([withSamples(makeRun({ checkpoints: 6, rate: 1e-4 }))], { sweeps: [makeSweep()] }),
    );
    expect(advice).toHaveLength(3);
    for (const { because } of advice) expect(because).toMatch(/\d/);
    expect(advice.at(-1)!.text).toContain('--replay base');
  });
});
