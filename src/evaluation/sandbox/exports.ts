/**
 * WebAssembly with fewer exports. Python's has 7,415 exported functions; for each, every new interpreter would make an object
 * and Emscripten's glue a place in a table, which takes longer than all else at its start.
 */

const EXPORT_SECTION = 7;
const FUNCTION_KIND = 0;
const HEADER_BYTES = 8;

/** The same module without the exported functions that `keep` says no to. Format: WebAssembly core specification, 5.5. */
export function stripExports(wasm: Uint8Array, keep: (name: string) => boolean): Uint8Array<ArrayBuffer> {
  let at = HEADER_BYTES;
  while (at < wasm.length) {
    const size = readNumber(wasm, at + 1);
    const end = size.next + size.value;
    if (wasm[at] === EXPORT_SECTION) {
      const kept = keptExports(wasm.subarray(size.next, end), keep);
      const parts = [wasm.subarray(0, at + 1), writeNumber(kept.length), kept, wasm.subarray(end)];
      return concatenate(parts);
    }
    at = end;
  }
  return wasm.slice();
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
    if (section[kindAt] !== FUNCTION_KIND || keep(name)) kept.push(section.subarray(begin, at));
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
