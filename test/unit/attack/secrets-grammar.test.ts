import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeName } from '../../../src/corpus/reading/names.ts';
import { Draw } from '../../attack/secrets/draw.ts';
import { drawCases, isKindHeldBack } from '../../attack/secrets/grammar.ts';
import { secrets } from '../../attack/secrets/kinds/index.ts';
import { cardNumber, luhnDigit } from '../../attack/secrets/kinds/cards.ts';
import { lookalikes } from '../../attack/secrets/lookalikes/index.ts';
import { falseAlarms, recall, tableOfOpen } from '../../attack/secrets/measure.ts';

const kinds = [...secrets, ...lookalikes];

describe('the grammar of secrets', () => {
  it('draws the same cases from the same seed, and others from another', () => {
    expect(drawCases(5, 40)).toEqual(drawCases(5, 40));
    expect(drawCases(6, 40)).not.toEqual(drawCases(5, 40));
  });

  it('draws as many of each side and half', () => {
    const cases = drawCases(1, 400);
    const of = (secret: boolean, half: string) =>
      cases.filter((one) => one.secret === secret && one.half === half).length;
    expect([of(true, 'open'), of(true, 'sealed'), of(false, 'open'), of(false, 'sealed')]).toEqual([
      100, 100, 100, 100,
    ]);
  });

  it('keeps whole kinds in the sealed half, and no cell in both', () => {
    const cases = drawCases(2, 800);
    const cellsOf = (half: string) =>
      new Set(cases.filter((one) => one.half === half).map(({ kind, cell }) => `${kind}|${cell}`));
    const sealed = cellsOf('sealed');
    expect([...cellsOf('open')].filter((cell) => sealed.has(cell))).toEqual([]);
    expect(cases.filter((one) => one.half === 'open' && isKindHeldBack(one.kind))).toEqual([]);
    const heldBack = secrets.filter(({ name }) => isKindHeldBack(name)).length / secrets.length;
    expect(heldBack).toBeGreaterThan(0.1);
    expect(heldBack).toBeLessThan(0.3);
  });

  it('writes every kind, in files that a corpus would read', () => {
    const draw = new Draw(3);
    for (const { name, cells } of kinds)
      for (let trial = 0; trial < 20; trial++) {
        const { path, text, piece } = draw.pick(cells).write(draw);
        expect(piece.length, name).toBeGreaterThan(0);
        expect(text, name).not.toMatch(/\{(?:w|W|n|same|port|pw|NAME|Name)\}/);
        expect(judgeName(path), path).not.toHaveProperty('reason');
      }
  });

  it('has no two kinds of one name', () => {
    expect(new Set(kinds.map(({ name }) => name)).size).toBe(kinds.length);
  });

  it('makes cards that pass and numbers that fail', () => {
    // Published test numbers.
    expect(luhnDigit('424242424242424')).toBe('2');
    expect(luhnDigit('37828224631000')).toBe('5');
    const draw = new Draw(4);
    for (let trial = 0; trial < 50; trial++) {
      const digits = cardNumber(draw, true).replace(/\D/g, '');
      expect(luhnDigit(digits.slice(0, -1))).toBe(digits.at(-1));
    }
  });

  it.each(['RSA', 'PKCS8'])('writes %s keys in the form that OpenSSL reads', (form) => {
    const kind = secrets.find(({ name }) => name === `${form} key in PEM`)!;
    const { piece } = kind.cells.find(({ language }) => language === 'Go')!.write(new Draw(5));
    const pem = /-----BEGIN[^]*?-----END [A-Z ]+-----/.exec(piece)![0];
    expect(createPrivateKey(pem).asymmetricKeyType).toBe('rsa');
  });
});

describe('the measure', () => {
  const one = (secret: boolean, half: 'open' | 'sealed', rule?: string) => ({
    ...{ secret, half, family: 'f', kind: `${half} kind`, cell: 'c', path: 'p', text: 't', piece: 't' },
    ...(rule ? { rule } : {}),
  });
  const judged = [
    one(true, 'open', 'a'),
    one(true, 'open'),
    one(false, 'open', 'b'),
    one(true, 'sealed', 'a'),
    one(false, 'sealed'),
  ];

  it('counts each half', () => {
    expect(recall(judged, 'open')).toEqual({ count: 1, of: 2, share: 0.5 });
    expect(recall(judged, 'sealed').share).toBe(1);
    expect(falseAlarms(judged, 'open').share).toBe(1);
    expect(falseAlarms(judged, 'sealed').share).toBe(0);
  });

  it('tells kinds of the open half alone', () => {
    expect(tableOfOpen(judged).join('\n')).not.toContain('sealed');
    expect(tableOfOpen(judged)).toHaveLength(2);
  });
});
