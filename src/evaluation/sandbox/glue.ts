/**
 * Python's WebAssembly and Pyodide's JavaScript side of it (pyodide.asm.mjs), cut down to what is used here: every
 * program gets both anew, and most of what they would set up for it is for pages in a browser.
 */
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import type { Emscripten } from './python-module.ts';
import { ownPointers, stripExports } from './exports.ts';

type Create = (settings: object) => Promise<Emscripten>;

/** What is exported and called or read, by the glue on the way of programs or here. */
const needed =
  /^(malloc|free|calloc|realloc|memalign|_*emscripten_(?!.*webgl).*|__wasm_.*|_*errno_location|hton[sl]|ntoh[sl]|fflush|_*trap|setThrew|_*get_temp_ret|strerror|_*funcs_on_exit|__dl_seterr|__heap_base|__stack_pointer|__memory_base|__table_base|Py_Initialize|Py_IncRef|PyRun_SimpleString|PyUnicode_(FromStringAndSize|AsUTF8)|PyObject_CallOneArg|PyEval_EvalCode|PyErr_(ExceptionMatches|GetRaisedException)|PyExc_MemoryError)$/;

/** Python's module, with no more of exports and imports than is used, and the functions among both. `wasm` is pyodide.asm.wasm. */
export async function compilePython(
  wasm: Uint8Array,
): Promise<{ module: WebAssembly.Module; exported: string[]; imported: Set<string> }> {
  const module = await WebAssembly.compile(ownPointers(stripExports(wasm, (name) => needed.test(name))));
  const functions = (list: { kind: string; name: string }[]) =>
    list.filter(({ kind }) => kind === 'function').map(({ name }) => name);
  return {
    module,
    exported: functions(WebAssembly.Module.exports(module)),
    imported: new Set(functions(WebAssembly.Module.imports(module))),
  };
}

/** Pyodide's JavaScript side as a script, so that V8 need not compile it again for every interpreter. */
export interface Glue {
  url: string;
  script: string;
  /** What V8 made of it. */
  compiled?: Uint8Array;
}

/** `source` is pyodide.asm.mjs, a module with one default export; `imports` are the names that the module asks for. */
export function glueOf(url: string, source: string, imports: Set<string>): Glue {
  const body = lean(source, imports)
    .replaceAll('import.meta.url', 'url')
    .replaceAll(/(?<![\w$.])import\(/g, 'load(')
    .replace(/export default (\w+);\s*$/, 'return $1;');
  if (body.includes('import.meta') || !/return \w+;$/.test(body))
    throw new Error('Pyodide has changed: its module can not be read as a script');
  return { url, script: `(function (url, load) {${body}\n})` };
}

/** Without the third of it that only names exports that are gone and offers functions that the module does not import. */
function lean(source: string, imports: Set<string>): string {
  const exported = /(?<=function assignWasmExports\(wasmExports\)\{)[^}]*/;
  const offered = /(?<=var wasmImports=\{)[^}]*/;
  if (!exported.test(source) || !offered.test(source))
    throw new Error('Pyodide has changed: its lists of exports and imports were not found');
  const keep = (list: string, separator: string, name: RegExp, wanted: (name: string) => boolean) =>
    list
      .split(separator)
      .filter((part) => wanted(name.exec(part)?.[1] ?? ''))
      .join(separator);
  return source
    .replaceAll(/(?<![\w$])[\w$]+\.sig="\w+";/g, '')
    .replace(exported, (list) =>
      keep(list, ';', /wasmExports\["(\w+)"\]/, (name) => always.has(name) || needed.test(name)),
    )
    .replace(offered, (list) => keep(list, ',', /^(\w+)/, (name) => imports.has(name)));
}

/** Neither functions nor addresses. */
const always = new Set(['memory', '__indirect_function_table', '__c_longjmp', '__cpp_exception']);

/** Its factory; and, to be called after use, what V8 has compiled of it. */
export function loadGlue({ url, script, compiled }: Glue): { create: Create; compile(): Uint8Array } {
  const loaded = new Script(script, { filename: url, cachedData: compiled });
  const enter = loaded.runInThisContext() as (url: string, load: (name: string) => unknown) => Create;
  // What Pyodide's own layer wants to load never comes.
  const load = (name: string) => (name === 'node:module' ? { createRequire } : new Promise(() => {}));
  return { create: enter(url, load), compile: () => loaded.createCachedData() };
}
