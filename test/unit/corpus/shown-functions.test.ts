/** Commits that show functions of the other split. */
import { expect, it } from 'vitest';
import { ShownFunctions } from '../../../src/corpus/held-out/shown-functions.ts';

const document = (path: string, code: { code?: string; diff?: string }) => ({ path, pieces: [], ...code });

it('one line that any function may have does not show a held-out one', () => {
  const shown = new ShownFunctions();
  const code = 'pub fn new() -> Self {\n    Self::default()\n}';
  shown.add({ ...document('a.rs:1', { code }), together: 'a.rs' }, 'held-out');
  const diff = '--- a/b.rs\n+++ b/b.rs\n@@ -1,1 +1,2 @@\n+pub fn new() -> Self {\n+    Other::new_with(12)\n';
  expect(shown.find(document('commit 1', { diff }), 'train')).toBeUndefined();
  const long = 'pub fn area_of(shape: &Shape) -> f64 {\n    shape.width * shape.height\n}';
  shown.add({ ...document('b.rs:1', { code: long }), together: 'b.rs' }, 'held-out');
  const all = long.replace(/^/gm, '+');
  expect(shown.find(document('commit 2', { diff: all }), 'train')).toEqual({ detail: 'b.rs' });
});
