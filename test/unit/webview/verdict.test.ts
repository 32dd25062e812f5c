import { describe, expect, it } from 'vitest';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { placesView } from '../../../webview/view-model/places.ts';
import { readPanel } from '../../../webview/view-model/panel.ts';
import { verdictView } from '../../../webview/view-model/verdict.ts';
import { makeRun, summary, withStrengths } from './fixtures.ts';

const now = Date.parse('2026-11-24T14:05:00Z');
const of = (run: RunSnapshot, inUse?: string, withReference = false) =>
  verdictView(
    readPanel(
      { runs: [run], sweeps: [], ...(inUse && { inUse, withReference }) },
      { selected: run.spec.id, compared: [] },
      now,
      true,
    ),
  );

describe('the verdict in the panel', () => {
  it('is the sentence at the end of the run, and offers to use a better result', () => {
    const run = makeRun();
    expect(of(run)).toMatchObject({
      kind: 'better',
      sentence: 'Better than before: it predicts the files kept out of training better.',
      step: 'use',
      consequence: '',
    });
    expect(of(run)!.meaning).toBe(
      'Base: SmolLM2-135M-Instruct as it was before training. Held out: 10% of your text, kept out of training to test both on.',
    );
    expect(of(run, run.spec.id)).toMatchObject({ step: undefined, isInUse: true });
  });
  it('says that "before" is the run that it continues, and names that if another model completes', () => {
    const run = makeRun();
    run.spec.continues = { run: 'r1', sha256: 'ab' };
    for (const inUse of [undefined, run.spec.id, 'r1'])
      expect(of(run, inUse)!.sentence).toMatch(/^Better than before: /);
    expect(of(run, `base:${run.spec.base.id}`)!.sentence).toMatch(/^Better than r1 was: /);
    expect(of(run)!.meaning).toMatch(
      /^Before: r1\. .* Forgetting .* against the base alone, SmolLM2-135M-Instruct\.$/,
    );
  });
  it('names what the result was compared with, if another model completes', () => {
    const run = makeRun();
    const base = `base:${run.spec.base.id}`;
    for (const inUse of [undefined, run.spec.id, base])
      expect(of(run, inUse)!.sentence).toMatch(/^Better than before: /);
    expect(of(run, 'other-run')!.sentence).toMatch(/^Better than SmolLM2-135M-Instruct was: /);
    expect(of(run, base, true)!.sentence).toMatch(/^Better than SmolLM2-135M-Instruct was: /);
    run.spec.reference = { sha256: 'ab' };
    expect(of(run, base, true)!.sentence).toMatch(/^Better than before: /);
    expect(of(run, base)!.sentence).toMatch(
      /^Better than SmolLM2-135M-Instruct with its reference adapter was: /,
    );
  });
  it('offers to use a better result while the rest is still to be measured', () => {
    const run = makeRun();
    run.summary!.pending = ['humaneval'];
    expect(of(run)?.step).toBe('use');
  });
  it("offers to measure if the result can't be judged yet", () => {
    const run = makeRun();
    delete run.summary;
    expect(of(run)).toMatchObject({ kind: 'not measured', step: 'measure' });
    const begun = withStrengths(makeRun(), 0);
    begun.summary!.comparisons = [];
    begun.summary!.pending = ['workspace'];
    begun.summary!.choice!.decided = 'too little code';
    expect(of(begun)).toMatchObject({
      kind: 'too little code',
      sentence: 'Nothing can be said: nothing was gained.',
      step: 'measure',
    });
  });
  it('offers the base instead of a worse result, if nothing else completes', () => {
    const run = withStrengths(makeRun(), 0);
    const bits = run.summary!.comparisons.find(({ metric }) => metric === 'bits per byte')!;
    bits.difference = { value: 0.2, low: 0.1, high: 0.3 };
    expect(of(run)).toMatchObject({
      kind: 'not better',
      step: 'base',
      consequence: 'It is not offered for completion.',
    });
    expect(of(run, run.spec.id)?.step).toBe('base');
    expect(of(run, 'another-run')).toMatchObject({
      step: undefined,
      consequence: 'It is not offered for completion, so your code is completed as before.',
    });
    expect(of(run, 'base:smollm2-135m')?.step).toBeUndefined();
  });
  it('waits while a run trains, and while too little is measured to tell', () => {
    expect(of(makeRun({ upTo: 20 }))).toBeUndefined();
    const state = { status: 'evaluating' as const, heartbeat: new Date(now).toISOString() };
    const measuring = makeRun({ state });
    expect(of({ ...measuring, summary: undefined })).toBeUndefined();
    expect(of({ ...measuring, summary: { ...measuring.summary!, comparisons: [] } })).toBeUndefined();
    expect(of(withStrengths(measuring))).toMatchObject({ kind: 'better', step: 'use' });
    expect(of(makeRun({ upTo: 20, state: { status: 'failed' } }))).toBeUndefined();
  });
  it('says what forgetting is measured against after a reference adapter', () => {
    const run = makeRun();
    run.spec.reference = { sha256: 'ab'.repeat(32) };
    run.corpus!.heldOutTokens = 0;
    expect(of(run)!.meaning).toBe(
      'Before: SmolLM2-135M-Instruct with its reference adapter. Forgetting (HumanEval, KL) is measured against the base alone, SmolLM2-135M-Instruct.',
    );
  });
  it('names a base that is a file by its file name', () => {
    const run = makeRun();
    run.spec.base.id = 'C:\\models\\mine.gguf';
    run.corpus!.heldOutTokens = 0;
    expect(of(run)!.meaning).toBe('Base: mine.gguf as it was before training.');
  });
});

describe('places in the panel', () => {
  const view = placesView(summary(60))!;
  it('are counted among all measured places', () => {
    expect(view.counted).toBe(
      'Held-out lines tried: 100. The model before completes 30 exactly as written, the tuned one 42 (17 gained, 5 lost).',
    );
  });
  it('have the lines up to the cursor with their numbers, without their common indentation', () => {
    expect(view.places[0]).toEqual({
      at: 'src/routes/handler.ts, line 42',
      lines: [
        { number: 40, text: '/** Answers. */' },
        { number: 41, text: 'function handler(request) {' },
        { number: 42, text: '  const body = ' },
      ],
      actual: 'await request.json();',
      base: { text: 'request.body;', isRight: false },
      result: { text: 'await request.json();', isRight: true },
    });
    expect(view.places[1]!.result).toEqual({ text: '', isRight: false });
  });
  it('are missing where no lines were measured', () => {
    const { places, ...without } = summary(60);
    expect(places).toBeDefined();
    expect(placesView(without)).toBeUndefined();
  });
});
