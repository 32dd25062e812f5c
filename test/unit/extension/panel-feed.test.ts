import { describe, expect, it } from 'vitest';
import { PanelFeed } from '../../../src/extension/panel/panel-feed.ts';
import { toPanelSchema, type RunSnapshot } from '../../../src/protocol/panel.ts';
import { applyMessage, type PanelState } from '../../../webview/view-model/state.ts';
import { makeRun, makeSweep } from '../webview/fixtures.ts';

/** Host and panel as they are: what the panel knows after each message. */
function conversation() {
  const feed = new PanelFeed();
  let state: PanelState | undefined;
  let bytes = 0;
  return {
    feed,
    tell(runs: RunSnapshot[]) {
      const next = feed.nextMessage(runs);
      const message = toPanelSchema.parse(
        JSON.parse(JSON.stringify(next.type === 'runs' ? { ...next, sweeps: [] } : next)),
      );
      bytes = JSON.stringify(message).length;
      state = applyMessage(state, message);
      return state;
    },
    lose: (runs: RunSnapshot[]) => void feed.nextMessage(runs),
    get bytes() {
      return bytes;
    },
  };
}
/** Read anew from disk: equal, and not the same objects. */
const again = (run: RunSnapshot): RunSnapshot => JSON.parse(JSON.stringify(run)) as RunSnapshot;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('what the panel is told', () => {
  it('is everything once, then what changed, and comes to the same', () => {
    const { tell, ...talk } = conversation();
    const done = makeRun({ id: 'done', steps: 400 });
    expect(plain(tell([done, makeRun({ id: 'live', upTo: 3 })])!.runs)).toEqual(
      plain([done, makeRun({ id: 'live', upTo: 3 })]),
    );
    for (const upTo of [4, 30, 60]) {
      const live = makeRun({ id: 'live', upTo });
      expect(plain(tell([again(done), live])!.runs)).toEqual(plain([done, live]));
    }
    expect(talk.feed.nextMessage([again(done), makeRun({ id: 'live' })])).toEqual({
      type: 'changes',
      runs: [],
      gone: [],
    });
  });

  it('does not grow with what was told before', () => {
    const talk = conversation();
    talk.tell([makeRun({ upTo: 5000, steps: 6000 })]);
    const whole = talk.bytes;
    talk.tell([makeRun({ upTo: 5001, steps: 6000 })]);
    expect(talk.bytes).toBeLessThan(whole / 200);
  });

  it('leaves runs that did not change the same objects', () => {
    const { tell } = conversation();
    const before = tell([makeRun({ id: 'done' }), makeRun({ id: 'live', upTo: 3 })])!;
    const after = tell([makeRun({ id: 'done' }), makeRun({ id: 'live', upTo: 4 })])!;
    expect(after.runs[0]).toBe(before.runs[0]);
    expect(after.runs[1]).not.toBe(before.runs[1]);
  });

  it('tells of new runs, of those that are gone, and of a file that began anew', () => {
    const { tell } = conversation();
    tell([makeRun({ id: 'a' })]);
    expect(tell([makeRun({ id: 'a' }), makeRun({ id: 'b' })])!.runs.map(({ spec }) => spec.id)).toEqual([
      'a',
      'b',
    ]);
    expect(tell([makeRun({ id: 'b' })])!.runs.map(({ spec }) => spec.id)).toEqual(['b']);
    const other = makeRun({ id: 'b', shift: 0.1 });
    other.events.reverse();
    expect(plain(tell([other])!.runs)).toEqual(plain([other]));
    const shorter = makeRun({ id: 'b', upTo: 2 });
    expect(plain(tell([shorter])!.runs)).toEqual(plain([shorter]));
  });

  it('is asked for again by a panel that missed something', () => {
    const { tell, lose, feed } = conversation();
    tell([makeRun({ upTo: 3 })]);
    lose([makeRun({ upTo: 10 })]);
    expect(tell([makeRun({ upTo: 11 })])).toBeUndefined();
    feed.forget();
    expect(plain(tell([makeRun({ upTo: 11 })])!.runs)).toEqual(plain([makeRun({ upTo: 11 })]));
  });

  it('keeps the sweeps and the comparison while only runs change', () => {
    const sweep = makeSweep();
    const first = applyMessage(undefined, { type: 'runs', runs: [makeRun()], sweeps: [sweep] })!;
    const compared = applyMessage(first, { type: 'comparison', of: ['a', 'b'], problem: 'no' })!;
    const changed = applyMessage(compared, { type: 'changes', runs: [], gone: [] })!;
    expect(changed).toMatchObject({ sweeps: [sweep], comparison: { of: ['a', 'b'], problem: 'no' } });
    expect(applyMessage(undefined, { type: 'changes', runs: [], gone: [] })).toBeUndefined();
  });
});
