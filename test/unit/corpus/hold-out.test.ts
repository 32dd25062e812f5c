/** Which files of generated repositories are held out. */
import { describe, expect, it } from 'vitest';
import { chooseHeldOut, type SplitFile } from '../../../src/corpus/held-out/hold-out.ts';
import { kindOf } from '../../../src/corpus/kinds.ts';
import { uniform } from '../../../src/statistics/random.ts';

const file = (path: string, bytes: number): SplitFile => ({ path, kind: kindOf(path), bytes });
const sizeOf = (files: readonly SplitFile[]) => files.reduce((sum, { bytes }) => sum + bytes, 0);
const split = (files: readonly SplitFile[], { seed = 0, share = 0.1 } = {}) => {
  const chosen = chooseHeldOut(files, { seed, share });
  return files.filter((_, index) => chosen.has(index));
};
const paths = (files: readonly SplitFile[]) => files.map(({ path }) => path);

const languages = 'py ts js go rs java c cpp rb php swift kt scala cs lua pl r jl hs ml'.split(' ');

/** Log-normal sizes, as in real repositories; nested folders, some with a single file. */
function repository(seed: number, count: number): SplitFile[] {
  const random = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!;
  const own = languages.slice(0, 1 + Math.floor(random() * languages.length));
  return Array.from({ length: count }, (_, index) => {
    const depth = Math.floor(random() * 4);
    const folders = Array.from({ length: depth }, () => `${pick(['a', 'b', 'core', 'test', 'util'])}/`);
    const extension = random() < 0.2 ? pick(['md', 'rst', 'json', 'yml']) : pick(own);
    const bytes = Math.max(1, Math.round(Math.exp(8 + 1.2 * normal())));
    return file(`${folders.join('')}f${index}.${extension}`, bytes);
  });
}

const isCode = ({ kind }: SplitFile) => kind === 'code';
const within = (files: readonly SplitFile[], test: (one: SplitFile) => boolean) => ({
  own: files.filter(test),
  heldOut: split(files).filter(test),
});

describe('the held-out share', () => {
  it.each([300, 1000, 3000])(
    'is a tenth of the code of %i files, to within half of the largest file that may be held out',
    (count) => {
      for (let seed = 0; seed < 20; seed += 1) {
        const { own, heldOut } = within(repository(seed, count), isCode);
        const wanted = sizeOf(own) / 10;
        const largest = Math.max(...heldOut.map(({ bytes }) => bytes));
        expect(Math.abs(sizeOf(heldOut) - wanted)).toBeLessThanOrEqual(largest / 2);
      }
    },
  );

  it('is met for the text of each language, and for text or number of files in each folder', () => {
    const files = repository(3, 4000);
    const heldOut = new Set(split(files));
    const strata = new Map<string, SplitFile[]>();
    for (const one of files.filter(isCode)) {
      const extension = one.path.slice(one.path.lastIndexOf('.'));
      const [folder] = one.path.includes('/') ? one.path.split('/') : [''];
      for (const name of [extension, `${extension} ${folder}`])
        strata.set(name, [...(strata.get(name) ?? []), one]);
    }
    expect(strata.size).toBeGreaterThan(20);
    for (const [name, own] of strata) {
      const out = own.filter((one) => heldOut.has(one));
      const largest = Math.max(...own.map(({ bytes }) => bytes));
      const text = Math.abs(sizeOf(out) - sizeOf(own) / 10) <= largest;
      const number = name.includes(' ') && Math.abs(out.length - own.length / 10) <= 2;
      expect([name, text || number]).toEqual([name, true]);
    }
  });

  it('covers files of every size: small ones are not preferred', () => {
    let [heldOut, all] = [0, 0];
    for (let seed = 0; seed < 10; seed += 1) {
      const { own, heldOut: out } = within(repository(seed, 3000), isCode);
      heldOut += out.length;
      all += own.length;
    }
    expect(heldOut / all).toBeGreaterThan(0.095);
    expect(heldOut / all).toBeLessThan(0.115);
  });

  it('is exact for equal files in languages and folders, where hashing alone would miss it', () => {
    const files = languages.flatMap((extension) =>
      ['src', 'test'].flatMap((folder) =>
        Array.from({ length: 10 }, (_, i) => file(`${folder}/f${i}.${extension}`, 1000)),
      ),
    );
    const counts = new Map<string, number>();
    for (const { path } of split(files)) {
      const name = `${path.split('/')[0]} ${path.split('.').pop()}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual(Array.from({ length: 40 }, () => 1));
  });

  it('has no file larger than a tenth of it, if there are enough files', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const files = [...repository(seed, 1500), file('src/giant.py', 3_000_000), file('CHANGES.md', 900_000)];
      const heldOut = split(files).filter(isCode);
      expect(Math.max(...heldOut.map(({ bytes }) => bytes))).toBeLessThanOrEqual(sizeOf(heldOut) / 10);
    }
  });

  it('is met for each kind separately: a giant change log takes nothing from the code', () => {
    const code = Array.from({ length: 40 }, (_, i) => file(`src/f${i}.py`, 2000));
    const [alone, beside] = [
      split(code),
      split([...code, file('CHANGES.md', 500_000), file('README.md', 900)]),
    ];
    expect(alone).toHaveLength(4);
    expect(paths(beside.filter(isCode))).toEqual(paths(alone));
    expect(paths(beside)).not.toContain('CHANGES.md');
  });
});

describe('few files', () => {
  it.each([2, 3, 4, 7, 12])('holds out some of %i and trains on others, whatever the share', (count) => {
    for (let seed = 0; seed < 50; seed += 1)
      for (const share of [0.01, 0.1, 0.5, 0.99]) {
        const files = repository(seed, 200).filter(isCode).slice(0, count);
        const heldOut = split(files, { seed, share });
        expect(heldOut.length).toBeGreaterThan(0);
        expect(heldOut.length).toBeLessThan(count);
      }
  });

  it('trains on the larger of two', () => {
    for (let seed = 0; seed < 20; seed += 1)
      expect(paths(split([file('a.py', 9000), file('b.py', 500)], { seed }))).toEqual(['b.py']);
  });

  it('holds out none of one; with a share of 0, none at all', () => {
    expect(split([file('a.py', 9000)])).toEqual([]);
    expect(split(repository(1, 100), { share: 0 })).toEqual([]);
  });
});

describe('the selection', () => {
  it('is the same in any order of folders, and different for another seed', () => {
    const files = repository(5, 500);
    expect(split(files)).toEqual(split([...files]));
    expect(split(files, { seed: 1 })).not.toEqual(split(files));
  });

  it('changes little when a file is added, changed or removed', () => {
    let moved = 0;
    const trials = 60;
    for (let trial = 0; trial < trials; trial += 1) {
      const files = repository(trial, 600);
      const before = new Set(paths(split(files)));
      const at = (trial * 7) % files.length;
      const changed = [
        [...files, file('core/new.py', 4000)],
        files.with(at, { ...files[at]!, bytes: files[at]!.bytes + 500 }),
        files.toSpliced(at, 1),
      ][trial % 3]!;
      const after = new Set(paths(split(changed)));
      const both = new Set(paths(files.filter(({ path }) => changed.some((one) => one.path === path))));
      moved += [...both].filter((path) => before.has(path) !== after.has(path)).length;
    }
    // Of 600 files, some 60 of which are held out.
    expect(moved / trials).toBeLessThan(8);
  });

  it('handles large repositories', () => {
    const files = repository(1, 50_000);
    const { own, heldOut } = within(files, isCode);
    expect(sizeOf(heldOut) / sizeOf(own)).toBeCloseTo(0.1, 3);
  });

  it('handles very many sibling folders', () => {
    const files = Array.from({ length: 80_000 }, (_, n) => file(`parts/part${n}/index.ts`, 500 + (n % 1000)));
    const heldOut = split(files);
    expect(sizeOf(heldOut) / sizeOf(files)).toBeCloseTo(0.1, 3);
  });
});
