/** What the result of a run is compared with: which model it is, and its name. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { comparisonTable } from '../../../src/cli/view/tables.ts';
import { baseSubject, Resources } from '../../../src/evaluation/resources.ts';
import { beforeName } from '../../../src/findings/before.ts';
import { writeGguf } from '../../../src/gguf/index.ts';
import { comparison, makeRun, metric } from '../webview/fixtures.ts';

const dir = mkdtempSync(join(tmpdir(), 'fmn-before-'));
afterAll(() => rmSync(dir, { recursive: true }));
beforeAll(() => writeGguf(join(dir, 'earlier.gguf'), { metadata: [], tensors: [] }));

const sha256 = 'ab'.repeat(32);
const { spec: alone } = makeRun();
const base = alone.base.id;

it.each([
  ['the base', {}, base, base],
  [
    'the base with its reference adapter',
    { reference: { sha256 } },
    'reference',
    `${base} with its reference adapter`,
  ],
  ['the run that it continues', { continues: { run: 'r1', sha256 } }, 'r1', 'r1'],
])('is %s', async (_, patch, model, name) => {
  const spec = { ...alone, ...patch };
  const resources = new Resources(baseSubject(dir, spec));
  expect((await resources.before()).name).toBe(model);
  expect(beforeName(spec, base)).toBe(name);
});

it('is the base for what was forgotten, and the table says so where that differs', () => {
  const rowsOf = (patch: object) =>
    comparisonTable(
      [
        ...(['workspace', 'humaneval'] as const).map((task) =>
          comparison(
            [task, 'pass@1', '', 'higher'],
            metric(task, 'pass@1', 0.3, 0.1),
            metric(task, 'pass@1', 0.4, 0.1),
            1,
          ),
        ),
      ],
      { spec: { ...alone, ...patch } },
    ).filter((line) => line.includes('from the base'));
  expect(rowsOf({})).toEqual([]);
  expect(rowsOf({ reference: { sha256 } })).toEqual([expect.stringMatching(/^humaneval/)]);
  const continues = { run: 'r1', sha256 };
  expect(rowsOf({ continues })).toEqual([expect.stringMatching(/^humaneval/)]);
});
