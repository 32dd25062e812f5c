import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { repositories } from '../../../bench/gain/repositories.ts';
import { referencePackages } from '../../../bench/reference-adapter/packages.ts';
import { sampleOf } from '../../../bench/reference-adapter/sample.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'forget-me-not-sample-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('takes files at even distances until there are enough characters', async () => {
  const [from, to] = [join(dir, 'from'), join(dir, 'to')];
  mkdirSync(join(from, 'deep'), { recursive: true });
  for (let at = 0; at < 20; at += 1) writeFileSync(join(from, `deep/${10 + at}.ts`), 'x'.repeat(8000));
  writeFileSync(join(from, 'types.d.ts'), 'x');
  writeFileSync(join(from, 'table.ts'), 'x'.repeat(50_000));
  writeFileSync(join(from, 'notes.md'), 'x');
  expect(await sampleOf(from, ['.ts'], to)).toBe(80_000);
  const names = readdirSync(join(to, 'deep'));
  expect(names).toHaveLength(10);
  expect(names.map((name) => Number.parseInt(name))).toEqual([...Array(10).keys()].map((at) => 11 + 2 * at));
  expect(readdirSync(to)).toEqual(['deep']);
});

it('is of at least ten languages, and of nothing that is reported or tuned on', () => {
  expect(new Set(referencePackages.map(({ language }) => language)).size).toBeGreaterThanOrEqual(10);
  const used = new Set(repositories.map(({ sha256 }) => sha256));
  expect(referencePackages.filter(({ sha256 }) => used.has(sha256))).toEqual([]);
});
