/** Changes a WebAssembly module before it is compiled. Format: WebAssembly core specification, 5.5. */

const IMPORT_SECTION = 2;
const EXPORT_SECTION = 7;
const CODE_SECTION = 10;
const FUNCTION_KIND = 0;
const TABLE_KIND = 1;
const GLOBAL_KIND = 3;
const HAS_MAXIMUM = 1;
const HEADER_BYTES = 8;
/** Instructions. */
const LOCAL_GET = 0x20;
const CALL = 0x10;
const DROP = 0x1a;
const END = 0x0b;

/**
 * The same module, with only those exported functions and addresses that `keep` accepts. Python's module exports 8,555
 * functions and 1,125 addresses. For each, every new interpreter would create an object and Emscripten's glue a table
 * entry, which takes longer than the rest of its start.
 */
export function stripExports(wasm: Uint8Array, keep: (name: string) => boolean): Uint8Array<ArrayBuffer> {
  return changeSections(wasm, { [EXPORT_SECTION]: (section) => filterExports(section, keep) });
}

/**
 * The same module, in which an exported function with one argument only passes it on to an imported one, and drops what
 * that returns.
 */
export function forwardExport(wasm: Uint8Array, exported: string, imported: string): Uint8Array<ArrayBuffer> {
  let imports: string[] = [];
  let index = -1;
  // Sections are in the order of their numbers.
  return changeSections(wasm, {
    [IMPORT_SECTION](section) {
      imports = importedFunctions(section);
      return section;
    },
    [EXPORT_SECTION](section) {
      const target = [...readExports(section)].find(({ name }) => name === exported);
      index = (target?.index ?? -1) - imports.length;
      return section;
    },
    [CODE_SECTION](section) {
      const callee = imports.indexOf(imported);
      if (callee < 0 || index < 0) throw new Error(`Pyodide has changed: no ${exported} or no ${imported}`);
      const body = concatenate([
        Uint8Array.of(0, LOCAL_GET, 0, CALL),
        writeNumber(callee),
        Uint8Array.of(DROP, END),
      ]);
      let at = readNumber(section, 0).next;
      const endOfBody = () => {
        const { value, next } = readNumber(section, at);
        return next + value;
      };
      for (let i = 0; i < index; i++) at = endOfBody();
      return concatenate([
        section.subarray(0, at),
        writeNumber(body.length),
        body,
        section.subarray(endOfBody()),
      ]);
    },
  });
}

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

function filterExports(section: Uint8Array, keep: (name: string) => boolean): Uint8Array {
  const kept = [...readExports(section)].filter(
    ({ name, kind }) => (kind !== FUNCTION_KIND && kind !== GLOBAL_KIND) || keep(name),
  );
  return concatenate([writeNumber(kept.length), ...kept.map(({ bytes }) => bytes)]);
}

function* readExports(section: Uint8Array) {
  const { value: count, next: first } = readNumber(section, 0);
  let at = first;
  for (let i = 0; i < count; i++) {
    const begin = at;
    const name = readName(section, at);
    const { value: index, next } = readNumber(section, name.next + 1);
    at = next;
    yield { name: name.value, kind: section[name.next]!, index, bytes: section.subarray(begin, at) };
  }
}

/** The names of the imported functions; they are numbered before the module's own. */
function importedFunctions(section: Uint8Array): string[] {
  const { value: count, next: first } = readNumber(section, 0);
  const names: string[] = [];
  let at = first;
  for (let i = 0; i < count; i++) {
    const name = readName(section, readName(section, at).next);
    const kind = section[name.next]!;
    if (kind === FUNCTION_KIND) names.push(name.value);
    at = kind === FUNCTION_KIND ? readNumber(section, name.next + 1).next : endOfType(section, name.next);
  }
  return names;
}

/** Where the type of an imported table, memory or variable ends; `at` is its kind. */
function endOfType(section: Uint8Array, at: number): number {
  if (section[at] === GLOBAL_KIND) return at + 3;
  const limits = section[at] === TABLE_KIND ? at + 2 : at + 1;
  const { next } = readNumber(section, limits + 1);
  return section[limits]! & HAS_MAXIMUM ? readNumber(section, next).next : next;
}

function readName(bytes: Uint8Array, at: number): { value: string; next: number } {
  const { value: length, next: begin } = readNumber(bytes, at);
  const next = begin + length;
  return { value: new TextDecoder().decode(bytes.subarray(begin, next)), next };
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
