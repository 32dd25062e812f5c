import { describe, expect, it } from 'vitest';
import { PanelFeed } from '../../../src/extension/panel/panel-feed.ts';
import { toPanelSchema, type RunSnapshot } from '../../../src/protocol/panel.ts';
import { applyMessage, type PanelState } from '../../../webview/view-model/state.ts';
import { makeRun, makeSweep } from '../webview/fixtures.ts';

/** The real host and panel: what the panel knows after each message. */
function conversation() {
  const feed = new PanelFeed();
  let state: PanelState | undefined;
  let bytes = 0;
  return {
    feed,
    send(runs: RunSnapshot[]) {
      const next = feed.nextMessage(runs);
      const message = toPanelSchema.parse(
        JSON.parse(JSON.stringify(next.type === 'runs' ? { ...next, sweeps: [] } : next)),
      );
      bytes = JSON.stringify(message).length;
      state = applyMessage(state, message);
      return state;
    },
    sendLost: (runs: RunSnapshot[]) => void feed.nextMessage(runs),
    get bytes() {
      return bytes;
    },
  };
}
/** As if read from disk again: equal, but not the same objects. */
const again = (run: RunSnapshot): RunSnapshot => JSON.parse(JSON.stringify(run)) as RunSnapshot;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the messages to the panel', () => {
  it('contain everything once, then only changes, with the same outcome', () => {
    const { send, ...talk } = conversation();
    const done = makeRun({ id: 'done', steps: 400 });
    expect(plain(send([done, makeRun({ id: 'live', upTo: 3 })])!.runs)).toEqual(
      plain([done, makeRun({ id: 'live', upTo: 3 })]),
    );
    for (const upTo of [4, 30, 60]) {
      const live = makeRun({ id: 'live', upTo });
      expect(plain(send([again(done), live])!.runs)).toEqual(plain([done, live]));
    }
    expect(talk.feed.nextMessage([again(done), makeRun({ id: 'live' })])).toEqual({
      type: 'changes',
      runs: [],
      gone: [],
    });
  });

  it('do not grow with what was sent before', () => {
    const talk = conversation();
    talk.send([makeRun({ upTo: 5000, steps: 6000 })]);
    const whole = talk.bytes;
    talk.send([makeRun({ upTo: 5001, steps: 6000 })]);
    expect(talk.bytes).toBeLessThan(whole / 200);
  });

  it('keep the objects of unchanged runs', () => {
    const { send } = conversation();
    const before = send([makeRun({ id: 'done' }), makeRun({ id: 'live', upTo: 3 })])!;
    const after = send([makeRun({ id: 'done' }), makeRun({ id: 'live', upTo: 4 })])!;
    expect(after.runs[0]).toBe(before.runs[0]);
    expect(after.runs[1]).not.toBe(before.runs[1]);
  });

  it('report new runs, removed ones, and a file that was started over', () => {
    const { send } = conversation();
    send([makeRun({ id: 'a' })]);
    expect(send([makeRun({ id: 'a' }), makeRun({ id: 'b' })])!.runs.map(({ spec }) => spec.id)).toEqual([
      'a',
      'b',
    ]);
    expect(send([makeRun({ id: 'b' })])!.runs.map(({ spec }) => spec.id)).toEqual(['b']);
    const other = makeRun({ id: 'b', shift: 0.1 });
    other.events.reverse();
    expect(plain(send([other])!.runs)).toEqual(plain([other]));
    const shorter = makeRun({ id: 'b', upTo: 2 });
    expect(plain(send([shorter])!.runs)).toEqual(plain([shorter]));
  });

  it('are requested again by a panel that missed one', () => {
    const { send, sendLost, feed } = conversation();
    send([makeRun({ upTo: 3 })]);
    sendLost([makeRun({ upTo: 10 })]);
    expect(send([makeRun({ upTo: 11 })])).toBeUndefined();
    feed.forget();
    expect(plain(send([makeRun({ upTo: 11 })])!.runs)).toEqual(plain([makeRun({ upTo: 11 })]));
  });

  it('keep the sweeps and the comparison while only runs change', () => {
    const sweep = makeSweep();
    const first = applyMessage(undefined, { type: 'runs', runs: [makeRun()], sweeps: [sweep] })!;
    const compared = applyMessage(first, { type: 'comparison', of: ['a', 'b'], problem: 'no' })!;
    const changed = applyMessage(compared, { type: 'changes', runs: [], gone: [] })!;
    expect(changed).toMatchObject({ sweeps: [sweep], comparison: { of: ['a', 'b'], problem: 'no' } });
    expect(applyMessage(undefined, { type: 'changes', runs: [], gone: [] })).toBeUndefined();
  });

  it('do not replace the comparison asked for last by one of other runs that took longer', () => {
    const first = applyMessage(undefined, { type: 'runs', runs: [], sweeps: [] });
    const asked = ['a', 'c'];
    const answered = applyMessage(first, { type: 'comparison', of: asked, problem: 'no' }, asked);
    expect(answered?.comparison?.of).toEqual(asked);
    expect(applyMessage(answered, { type: 'comparison', of: ['a', 'b'] }, asked)).toBe(answered);
  });
});
