/**
 * Typed arrays with the same bits are equal. Vitest compares them number by number, twice, which takes seconds for a
 * million numbers; only those that differ are left to it.
 */
import { expect } from 'vitest';

const bytesOf = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

const done = Symbol.for('fmn.equal-bits');
// Files that share a process run this again.
if (!(done in globalThis)) {
  Object.assign(globalThis, { [done]: true });
  expect.addEqualityTesters([
    (a: unknown, b: unknown) =>
      ArrayBuffer.isView(a) &&
      ArrayBuffer.isView(b) &&
      a.constructor === b.constructor &&
      bytesOf(a).equals(bytesOf(b))
        ? true
        : undefined,
  ]);
}
