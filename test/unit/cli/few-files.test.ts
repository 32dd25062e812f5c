import { expect, it } from 'vitest';
import { fewFilesWarning } from '../../../src/cli/options/few-files.ts';
import type { KeptEntry } from '../../../src/corpus/manifest.ts';
import { english } from '../../../src/text/message.ts';

const spec = (strength: number | 'measured') =>
  ({ folder: '/code/toy', corpus: { mode: 'pretrain' }, evaluation: { strength } }) as Parameters<
    typeof fewFilesWarning
  >[0];
const files = (split: 'train' | 'held-out', ...paths: string[]) =>
  paths.map((path) => ({ path, split, tokens: 9 }) as KeptEntry);

it('warns before training if too few files of code are held out to show whether the result is better', () => {
  const toy = [...files('train', 'a.py', 'b.py', 'c.py', 'd.py'), ...files('held-out', 'a.py')];
  const prose = files('held-out', 'a.md', 'b.md', 'c.md', 'd.md');
  expect(english(fewFilesWarning(spec('measured'), [...toy, ...prose])!)).toContain(
    '(1 to measure on; 4 are',
  );
  expect(fewFilesWarning(spec('measured'), [...toy, ...files('held-out', 'b.py', 'c.py', 'd.py')])).toBe(
    undefined,
  );
  // Without code, prose is measured.
  expect(fewFilesWarning(spec('measured'), prose)).toBeUndefined();
  expect(fewFilesWarning(spec(1), toy)).toBeUndefined();
});
