import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeName } from '../../../src/corpus/names.ts';
import { Draw } from '../../attack/secrets/draw.ts';
import { drawCases, isKindHeldBack } from '../../attack/secrets/grammar.ts';
import { secrets } from '../../attack/secrets/kinds/index.ts';
import { lookalikes } from '../../attack/secrets/lookalikes/index.ts';
import { tableOfOpen } from '../../attack/secrets/measure.ts';

const kinds = [...secrets, ...lookalikes];

describe('the grammar of secrets', () => {
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

  it.each(['RSA', 'PKCS8'])('writes %s keys in the form that OpenSSL reads', (form) => {
    const kind = secrets.find(({ name }) => name === `${form} key in PEM`)!;
    const { piece } = kind.cells.find(({ language }) => language === 'Go')!.write(new Draw(5));
    const pem = /-----BEGIN[^]*?-----END [A-Z ]+-----/.exec(piece)![0];
    expect(createPrivateKey(pem).asymmetricKeyType).toBe('rsa');
  });
});

it('reports kinds of the open half only', () => {
  const one = { secret: true, family: 'f', cell: 'c', path: 'p', text: 't', piece: 't' };
  const of = (half: 'open' | 'sealed') => ({ ...one, half, kind: `${half} kind` });
  const table = tableOfOpen([of('open'), of('sealed')]).join('\n');
  expect(table).toContain('open kind');
  expect(table).not.toContain('sealed');
});
