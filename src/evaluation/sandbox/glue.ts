/**
 * Python's WebAssembly and its JavaScript side in Pyodide (pyodide.asm.js), reduced to what is used here: every
 * program gets new instances of both, and most of what they would set up is for web pages.
 */
import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { forwardExport, stripExports } from './exports.ts';
import { SLEEP, type Emscripten } from './python-module.ts';

type Create = (settings: object) => Promise<Emscripten>;

/** Exports that are called or read, by the glue while programs run, or here. */
const neededExports =
  /^(malloc|free|calloc|realloc|memalign|_*emscripten_(?!.*webgl).*|__wasm_.*|_*errno_location|hton[sl]|ntoh[sl]|fflush|stack(Save|Restore|Alloc)|setThrew|[sg]etTempRet0|strerror|_*funcs_on_exit|__dl_seterr|__stack_(low|high)|Py_Initialize|Py_IncRef|Py_EnterRecursiveCall|PyMem_Raw(Malloc|Free)|PyRun_SimpleString|PyUnicode_(FromStringAndSize|AsUTF8)|PyObject_CallOneArg|PyEval_EvalCode|PyErr_(ExceptionMatches|Fetch|NormalizeException)|PyExc_MemoryError)$/;

/**
 * Python's module with only the exports that are used, and the names of the functions among them and of all that it
 * imports. `wasm` is pyodide.asm.wasm.
 */
export async function compilePython(
  wasm: Uint8Array,
): Promise<{ module: WebAssembly.Module; exported: string[]; imported: Set<string> }> {
  // The C library's sleep, a loop that reads the clock, becomes a call of boundary.ts.
  const withSleep = forwardExport(wasm, 'emscripten_thread_sleep', SLEEP);
  const module = await WebAssembly.compile(stripExports(withSleep, (name) => neededExports.test(name)));
  const exported = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');
  return {
    module,
    exported: exported.map(({ name }) => name),
    imported: new Set(WebAssembly.Module.imports(module).map(({ name }) => name)),
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
 * `source` is pyodide.asm.js, a script that defines one function; `imports` are the names that the WebAssembly module
 * imports.
 */
export function createGlue(url: string, source: string, imports: Set<string>): Glue {
  const body = stripUnused(source, imports)
    .replaceAll(/(?<![\w$.])import\(/g, 'load(')
    .replace(/globalThis\.(\w+) = \1;\s*$/, 'return $1;');
  if (!/return \w+;$/.test(body))
    throw new Error('Pyodide has changed: its script does not end with its function');
  return { url, script: `(function (__dirname, require, load) {${body}\n})` };
}

/**
 * Removes about a third of the source: names of exports that were stripped, and functions that the module does not
 * import.
 */
function stripUnused(source: string, imports: Set<string>): string {
  const exported =
    /var [\w$]+=(?:Module\["[\w$]+"\]=)?(?:\([\w,]*\)|\w+)=>\([\w$]+=(?:Module\["[\w$]+"\]=)?wasmExports\["([\w$]+)"\]\)\([\w,]*\);/g;
  const address = /var [\w$]+=Module\["_([\w$]+)"\]=\d+;/g;
  const importList = /(?<=var wasmImports=\{)[^}]*/;
  for (const list of [exported, address, importList])
    if (source.search(list) < 0)
      throw new Error('Pyodide has changed: its lists of exports and imports were not found');
  const keepNeeded = (part: string, name: string) => (neededExports.test(name) ? part : '');
  return source
    .replaceAll(/(?<![\w$])[\w$]+\.sig="\w+";/g, '')
    .replaceAll(exported, keepNeeded)
    .replaceAll(address, keepNeeded)
    .replace(importList, (list) =>
      list
        .split(',')
        .filter((part) => imports.has(/^(\w+)/.exec(part)?.[1] ?? ''))
        .join(','),
    );
}

/** Loads the glue. Returns its factory, and a function that returns the code compiled by V8, to be called after use. */
export function loadGlue({ url, script, compiled }: Glue): { create: Create; compile(): Uint8Array } {
  const loaded = new Script(script, { filename: url, cachedData: compiled });
  const enter = loaded.runInThisContext() as (
    dirname: string,
    require: NodeJS.Require,
    load: () => Promise<never>,
  ) => Create;
  // Modules that Pyodide's own layer tries to load never arrive.
  return {
    create: enter('', createRequire(import.meta.url), () => new Promise(() => {})),
    compile: () => loaded.createCachedData(),
  };
}
