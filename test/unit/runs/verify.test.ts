import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareDistributions, requireVerified } from '../../../src/runs/verify.ts';

describe('the verdict on a result', () => {
  it('is good below the limit and bad from it on', () => {
    const same = [[0.5, 0.5]];
    expect(compareDistributions(same, same)).toEqual({ meanKl: 0, limit: 0.01, tokens: 1, ok: true });
    expect(compareDistributions(same, [[0.9, 0.1]]).ok).toBe(false);
    expect(compareDistributions([...same, ...same], [[0.5, 0.5], [0.9, 0.1]]).meanKl).toBeCloseTo(Math.log(5 / 3) / 2, 12); // oxfmt-ignore
    expect(() => compareDistributions(same, [])).toThrow('1 and 0 positions');
  });
  it('does not depend on the sum of the probabilities', () => {
    const [trained, served] = [[[0.5, 0.5]], [[0.51, 0.49]]];
    const scaled = served.map((row) => row.map((value) => value * 1.0002));
    const [one, two] = [served, scaled].map((rows) => compareDistributions(trained, rows));
    expect(two!.meanKl).toBeCloseTo(one!.meanKl, 12);
  });
  it('is good if rounding turned a few positions and the rest agrees all the better', () => {
    const trained = Array.from({ length: 96 }, () => [0.5, 0.5]);
    const served = (count: number, other: number) =>
      trained.map((row, at) => (at < count ? [0.1, 0.9] : [row[0]! + other, row[1]! - other]));
    const few = compareDistributions(trained, served(4, 0.01));
    expect(few).toMatchObject({ limit: 0.0025, tokens: 96, ok: true });
    expect(few.meanKl).toBeCloseTo(-Math.log(1 - 0.02 ** 2) / 2, 9);
    // One more, or the rest no better than any other program's rounding.
    expect(compareDistributions(trained, served(6, 0.01))).toMatchObject({ limit: 0.01, ok: false });
    expect(compareDistributions(trained, served(4, 0.04))).toMatchObject({ limit: 0.01, ok: false });
  });

  it('is bad if a small change was not applied, but not if rounding is as large as the change', () => {
    const rows = (p: number) => Array.from({ length: 96 }, () => [p, 1 - p]);
    // A change of 0.005 nats per token: below the limit.
    const [base, trained] = [rows(0.5), rows(0.55)];
    const of = (rounding: number) => ({ trained: base, served: rows(0.5 + rounding) });
    expect(compareDistributions(trained, rows(0.5))).toMatchObject({ ok: true });
    expect(compareDistributions(trained, rows(0.5), of(0))).toMatchObject({ ok: false });
    expect(compareDistributions(trained, rows(0.51), of(0.01))).toMatchObject({ ok: false });
    // Half of the scale, and the full scale, with the same rounding.
    expect(compareDistributions(trained, rows(0.52), of(0))).toMatchObject({ ok: true });
    expect(compareDistributions(trained, rows(0.56), of(0.01))).toMatchObject({ ok: true });
    expect(compareDistributions(trained, rows(0.54), of(0.04))).toMatchObject({ ok: true });
  });

  it('is bad if one of the two has no probabilities', () => {
    const same = [0.5, 0.5];
    for (const none of [
      [NaN, NaN],
      [NaN, 0.5],
    ]) {
      expect(compareDistributions([none], [same])).toMatchObject({ meanKl: NaN, ok: false });
      expect(compareDistributions([same], [none])).toMatchObject({ meanKl: NaN, ok: false });
      expect(compareDistributions([none], [none])).toMatchObject({ meanKl: NaN, ok: false });
      expect(compareDistributions([same, none, same], [same, same, same]).ok).toBe(false);
    }
  });

  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fmn-verify-'));
    await mkdir(join(dir, 'evaluation'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));
  const write = (served?: object) =>
    writeFile(
      join(dir, 'evaluation', 'summary.json'),
      JSON.stringify({ step: 1, sentence: '', comparisons: [], served }),
    );

  it('allows a checked result to be served, and says why another may not be', async () => {
    const never = () => Promise.reject(new Error('never checked'));
    await expect(requireVerified(dir, never)).rejects.toThrow('never checked');
    await write();
    await expect(requireVerified(dir, never)).rejects.toThrow('never checked');
    await write({ meanKl: 0.3, limit: 0.01, tokens: 96, ok: false });
    await expect(requireVerified(dir, never)).rejects.toMatchObject({ code: 'adapter-mismatch' });
    await write({ meanKl: 0.002, limit: 0.01, tokens: 96, ok: true });
    await expect(requireVerified(dir, never)).resolves.toBeUndefined();
  });
});
