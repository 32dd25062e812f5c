import type { Preference } from '../../../../src/protocol/preferences.ts';

/** The outcome of a completion in a shopping cart; fields that are not given have defaults. */
export const preference = (more: Partial<Preference> = {}): Preference => ({
  time: '2026-11-26T10:00:00.000Z',
  repository: 'shop',
  path: 'src/cart.ts',
  languageId: 'typescript',
  prefix: 'const total = ',
  suffix: ';\n',
  shown: 'sum(prices)',
  accepted: 0,
  later: 'sum(items)',
  seconds: 300,
  run: 'a-run',
  base: { id: 'a-base', sha256: 'ab12' },
  ...more,
});
