/**
 * Reduces the exports of a WebAssembly module. Python's module exports 7,415 functions and 1,141 addresses. For each,
 * every new interpreter would create an object and Emscripten's glue a table entry, which takes longer than the rest of
 * its start.
 */

const IMPORT_SECTION = 2;
const GLOBAL_SECTION = 6;
const EXPORT_SECTION = 7;
const FUNCTION_KIND = 0;
const GLOBAL_KIND = 3;
const HEADER_BYTES = 8;

/**
 * The same module, with only those exported functions and addresses that `keep` accepts. Format: WebAssembly core
 * specification, 5.5.
 */
export function stripExports(wasm: Uint8Array, keep: (name: string) => boolean): Uint8Array<ArrayBuffer> {
  return changeSections(wasm, { [EXPORT_SECTION]: (section) => keptExports(section, keep) });
}

/**
 * The same module with its own variables, all 0, in place of those that it imports from "GOT.func": pointers to
 * functions that a library could provide (here graphics functions). All other imports must be functions.
 */
export function ownPointers(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  let pointers = 0;
  return changeSections(wasm, {
    [IMPORT_SECTION](section) {
      const { value: count, next: first } = readNumber(section, 0);
      const kept: Uint8Array[] = [];
      let at = first;
      for (let i = 0; i < count; i++) {
        const begin = at;
        const group = readNumber(section, at);
        const name = readNumber(section, group.next + group.value);
        const kindAt = name.next + name.value;
        const isFunction = section[kindAt] === FUNCTION_KIND;
        at = isFunction ? readNumber(section, kindAt + 1).next : kindAt + 3;
        if (isFunction) kept.push(section.subarray(begin, at));
        else if (
          new TextDecoder().decode(section.subarray(group.next, group.next + group.value)) === 'GOT.func'
        )
          pointers += 1;
        else throw new Error('Pyodide has changed: it imports something else than functions');
      }
      return concatenate([writeNumber(kept.length), ...kept]);
    },
    // Imported globals are numbered first, so their replacements come first.
    [GLOBAL_SECTION](section) {
      const { value: count, next: first } = readNumber(section, 0);
      const own = Array.from({ length: pointers }, () => ZERO_VARIABLE);
      return concatenate([writeNumber(count + pointers), ...own, section.subarray(first)]);
    },
  });
}
/** (global (mut i32) (i32.const 0)) */
const ZERO_VARIABLE = Uint8Array.of(0x7f, 1, 0x41, 0, 0x0b);

type Changes = Record<number, (section: Uint8Array) => Uint8Array>;

/** Applies `changes` by section number; other sections are copied. */
function changeSections(wasm: Uint8Array, changes: Changes): Uint8Array<ArrayBuffer> {
  const parts = [wasm.subarray(0, HEADER_BYTES)];
  for (let at = HEADER_BYTES; at < wasm.length;) {
    const size = readNumber(wasm, at + 1);
    const end = size.next + size.value;
    const changed = changes[wasm[at]!]?.(wasm.subarray(size.next, end));
    if (changed) parts.push(wasm.subarray(at, at + 1), writeNumber(changed.length), changed);
    else parts.push(wasm.subarray(at, end));
    at = end;
  }
  return concatenate(parts);
}

function keptExports(section: Uint8Array, keep: (name: string) => boolean): Uint8Array {
  const { value: count, next: first } = readNumber(section, 0);
  const kept: Uint8Array[] = [];
  let at = first;
  for (let i = 0; i < count; i++) {
    const begin = at;
    const length = readNumber(section, at);
    const kindAt = length.next + length.value;
    at = readNumber(section, kindAt + 1).next;
    const name = new TextDecoder().decode(section.subarray(length.next, kindAt));
    const kind = section[kindAt];
    if ((kind !== FUNCTION_KIND && kind !== GLOBAL_KIND) || keep(name))
      kept.push(section.subarray(begin, at));
  }
  return concatenate([writeNumber(kept.length), ...kept]);
}

/** LEB128, unsigned. */
function readNumber(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return { value, next: at };
  }
}

function writeNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Uint8Array.from([...bytes, value]);
}

function concatenate(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
