import { describe, expect, it } from 'vitest';
import { leftOpen, placeAt } from '../../../bench/editor/code-state.ts';
import { listFigures, waitForList } from '../../../bench/editor/list.ts';
import type { Entry } from '../../../bench/editor/recorder.ts';
import { judge, keysOf, suggestionsIn, take, type Judged } from '../../../bench/editor/suggestions.ts';

const key = (at: number, key = 'a'): Entry => ({ at, kind: 'key', key });
const ghost = (at: number, text: string): Entry => ({ at, kind: 'ghost', text });
const list = (at: number, open: boolean): Entry => ({ at, kind: 'list', open });

describe('the wait for the list', () => {
  it('is from the key to the opening after it', () => {
    expect(waitForList([list(1, true), key(2, 'x'), key(10, 'a'), list(290, true)], 'a')).toBe(280);
  });

  it('is unknown where the list does not open any more', () => {
    expect(waitForList([list(1, true), key(10, 'a'), list(20, false)], 'a')).toBeUndefined();
  });

  it('counts a list that never opened as the longest wait', () => {
    expect(listFigures([100, 300, 200])).toMatchObject({ median: 200, p95: 290, opened: 3 });
    expect(listFigures([100, undefined, 200])).toMatchObject({
      median: 200,
      p95: null,
      opened: 2,
      trials: 3,
    });
  });
});

describe('what is open in code', () => {
  it.each([
    ['python', '', 'print(f"Order {number', ['(', '"']],
    ['python', 'print(', 'name)', []],
    ['python', '"""All', ' of it."""', []],
    ['python', '', '# what (is', []],
    ['typescript', '', 'return `Order ${order.number', ['`', '${']],
    ['typescript', '', 'return `Order ${order.number}`;', []],
    ['typescript', '', 'if (open) {', ['{']],
    ['typescript', 'if (open) {', '\n  close();\n}', []],
    ['typescript', '', "const quote = '\\'(';", []],
    ['go', '', 'lines := []string{"a"}', []],
    ['go', '', 'fmt.Sprintf("%d (", ', ['(']],
  ] as const)('%s: after %j, %j leaves %j', (language, before, suggestion, open) => {
    expect(leftOpen(before, suggestion, language)).toEqual(open);
  });

  it.each([
    ['python', 'def f():\n    """All', 'docstring'],
    ['python', 'x = 1  # one', 'comment'],
    ['python', 'x = 1  # one\n', 'code'],
    ['python', "name = 'a", 'string'],
    ['typescript', '/** Does', 'comment'],
    ['typescript', 'const a = `b ${', 'code'],
    ['go', 'x := `a', 'string'],
  ] as const)('%s: %j is in a %s', (language, before, place) => {
    expect(placeAt(before, language)).toBe(place);
  });
});

describe('the suggestions of a typing', () => {
  const text = 'return total;\nend();';

  it('are one while what is shown is the rest of it, or grows', () => {
    const entries = [
      ...[key(0), ghost(100, 'eturn'), key(150), ghost(160, 'turn'), ghost(200, 'turn\u00a0total')],
      ...[key(300), ghost(310, ''), ghost(330, 'urn total'), key(450), ghost(460, '')],
    ];
    const [only, ...more] = suggestionsIn(entries, [1, 2, 3, 4], text);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ from: 1, shownAt: 100, endedAt: 460, flickers: 1, besideList: false });
    expect(only!.text.replace('\u00a0', ' ')).toBe('eturn total');
  });

  it('are two where another text is shown, or the same comes back after a while', () => {
    const entries = [
      ...[key(0), ghost(100, 'ead'), key(150), ghost(160, ''), list(170, true), ghost(200, 'turn')],
      ...[ghost(300, ''), ghost(2000, 'turn'), key(2100)],
    ];
    const found = suggestionsIn(entries, [1, 2, 3], text);
    expect(found.map(({ text, endedAt }) => [text, endedAt])).toEqual([
      ['ead', 160],
      ['turn', 300],
      ['turn', 2100],
    ]);
    expect(found.map(({ besideList }) => besideList)).toEqual([false, true, true]);
  });

  it('are right by their first line', () => {
    const shown = { from: 1, shownAt: 100, endedAt: 350, flickers: 0, besideList: false };
    const of = (suggested: string) => judge({ ...shown, text: suggested }, text, 'typescript');
    expect(of('eturn total;\n  end();')).toMatchObject({
      right: true,
      allRight: true,
      lived: 250,
      place: 'code',
    });
    expect(of('eturn total;\nstart();')).toMatchObject({ right: true, allRight: false });
    expect(of('eturn (')).toMatchObject({ right: false, leftOpen: ['('] });
  });
});

describe('what accepting saves', () => {
  const text = 'return total;\n    end();';
  const right: Judged = {
    ...{ text: 'eturn total;', from: 1, shownAt: 0, endedAt: 1000, lived: 1000, flickers: 0 },
    ...{ besideList: false, place: 'code', right: true, allRight: true, leftOpen: [] },
  };
  const typedTwo = () => 3;

  it('is what is left after reading, without the key that accepts', () => {
    expect(take([right], text, typedTwo)).toEqual({ accepted: 1, kept: 1, saved: 'urn'.length + 7 - 1 });
    expect(take([{ ...right, besideList: true }], text, typedTwo).saved).toBe(8);
  });

  it('is nothing of what is gone by then, is wrong, or stands within what was taken', () => {
    expect(take([{ ...right, lived: 200 }], text, typedTwo).accepted).toBe(0);
    expect(take([{ ...right, right: false }], text, typedTwo).accepted).toBe(0);
    expect(take([right, { ...right, from: 4 }], text, typedTwo).accepted).toBe(1);
  });

  it('is the first line of what is wrong further down', () => {
    const partly = { ...right, text: 'eturn total;\nstart();', allRight: false };
    expect(take([partly], text, typedTwo)).toEqual({ accepted: 1, kept: 0, saved: 9 });
  });

  it('counts keys, not what the editor indents', () => {
    expect(keysOf(text)).toBe('return total;'.length + 1 + 'end();'.length);
  });
});
