/**
 * Python's WebAssembly and its JavaScript side in Pyodide (pyodide.asm.mjs), reduced to what is used here: every
 * program gets new instances of both, and most of what they would set up is for web pages.
 */
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import type { Emscripten } from './python-module.ts';
import { ownPointers, stripExports } from './exports.ts';

type Create = (settings: object) => Promise<Emscripten>;

/** Exports that are called or read, by the glue while programs run, or here. */
const needed =
  /^(malloc|free|calloc|realloc|memalign|_*emscripten_(?!.*webgl).*|__wasm_.*|_*errno_location|hton[sl]|ntoh[sl]|fflush|_*trap|setThrew|_*get_temp_ret|strerror|_*funcs_on_exit|__dl_seterr|__heap_base|__stack_pointer|__memory_base|__table_base|Py_Initialize|Py_IncRef|PyRun_SimpleString|PyUnicode_(FromStringAndSize|AsUTF8)|PyObject_CallOneArg|PyEval_EvalCode|PyErr_(ExceptionMatches|GetRaisedException)|PyExc_MemoryError)$/;

/**
 * Python's module with only the exports and imports that are used, and the names of the functions among them. `wasm` is
 * pyodide.asm.wasm.
 */
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
  /** The script as compiled by V8. */
  compiled?: Uint8Array;
}

/**
 * `source` is pyodide.asm.mjs, a module with one default export; `imports` are the names that the WebAssembly module
 * imports.
 */
export function glueOf(url: string, source: string, imports: Set<string>): Glue {
  const body = lean(source, imports)
    .replaceAll('import.meta.url', 'url')
    .replaceAll(/(?<![\w$.])import\(/g, 'load(')
    .replace(/export default (\w+);\s*$/, 'return $1;');
  if (body.includes('import.meta') || !/return \w+;$/.test(body))
    throw new Error('Pyodide has changed: its module can not be read as a script');
  return { url, script: `(function (url, load) {${body}\n})` };
}

/**
 * Removes about a third of the source: names of exports that were stripped, and functions that the module does not
 * import.
 */
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

/** Exports that are neither functions nor addresses. */
const always = new Set(['memory', '__indirect_function_table', '__c_longjmp', '__cpp_exception']);

/** Loads the glue. Returns its factory, and a function that returns the code compiled by V8, to be called after use. */
export function loadGlue({ url, script, compiled }: Glue): { create: Create; compile(): Uint8Array } {
  const loaded = new Script(script, { filename: url, cachedData: compiled });
  const enter = loaded.runInThisContext() as (url: string, load: (name: string) => unknown) => Create;
  // Other modules that Pyodide's own layer tries to load never arrive.
  const load = (name: string) => (name === 'node:module' ? { createRequire } : new Promise(() => {}));
  return { create: enter(url, load), compile: () => loaded.createCachedData() };
}
