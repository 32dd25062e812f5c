import { describe, expect, it } from 'vitest';
import { summariseWaits, waitForList } from '../../../bench/editor/list.ts';
import type { Entry } from '../../../bench/editor/recorder.ts';

const key = (at: number, key = 'a'): Entry => ({ at, kind: 'key', key });
const list = (at: number, open: boolean): Entry => ({ at, kind: 'list', open });

describe('the wait for the suggestion list', () => {
  it('runs from the key press to the next opening of the list', () => {
    expect(waitForList([list(1, true), key(2, 'x'), key(10, 'a'), list(290, true)], 'a')).toBe(280);
  });

  it('is unknown if the list does not open again', () => {
    expect(waitForList([list(1, true), key(10, 'a'), list(20, false)], 'a')).toBeUndefined();
  });

  it('counts a list that never opened as the longest wait', () => {
    expect(summariseWaits([100, 300, 200])).toMatchObject({ median: 200, p95: 290, opened: 3 });
    expect(summariseWaits([100, undefined, 200])).toMatchObject({
      median: 200,
      p95: null,
      opened: 2,
      trials: 3,
    });
  });
});
