/** What is used of Pyodide's JavaScript side, and how it is started: pyodide.asm.mjs, without Pyodide's own layer over it. */

import { createRequire } from 'node:module';
import { Script } from 'node:vm';
import { stripExports } from './exports.ts';

export interface FileNode {
  contents: Uint8Array;
}
interface DirectoryNode {
  contents: Record<string, FileNode | undefined>;
}
type Write = (
  stream: { node: FileNode },
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
  own?: boolean,
) => number;

/** Python's module, its functions by their names in C. Addresses and sizes are numbers. */
export interface Emscripten {
  memory: WebAssembly.Memory;
  HEAPU8: Uint8Array;
  HEAPU32: Uint32Array;
  HEAP64: BigInt64Array;
  FS: {
    ErrnoError: new (code: number) => Error;
    filesystems: {
      MEMFS: {
        ops_table: {
          dir: { node: { unlink(parent: DirectoryNode, name: string): void } };
          file: {
            node: { setattr(node: FileNode, change: { size?: number }): void };
            stream: { write: Write };
          };
        };
      };
    };
    mkdirTree(path: string): void;
    writeFile(path: string, content: Uint8Array | string): void;
    readFile(path: string, options: { encoding: 'utf8' }): string;
    unlink(path: string): void;
    symlink(target: string, path: string): void;
    chdir(path: string): void;
    open(path: string, flags: number): unknown;
    close(stream: unknown): void;
    getStream(descriptor: number): unknown;
  };
  ENV: Record<string, string>;
  UTF8ToString(at: number, bytes: number): string;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _emscripten_resize_heap(bytes: number): boolean;
  _Py_Initialize(): void;
  _Py_IncRef(object: number): void;
  _PyRun_SimpleString(source: number): number;
  _PyUnicode_FromStringAndSize(at: number, bytes: number): number;
  _PyUnicode_AsUTF8(object: number): number;
  _PyObject_CallOneArg(callable: number, argument: number): number;
  _PyEval_EvalCode(code: number, globals: number, locals: number): number;
  _PyErr_ExceptionMatches(type: number): number;
  _PyErr_GetRaisedException(): number;
  _PyExc_MemoryError: number;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each has its own.
type Import = (...args: any[]) => unknown;
/** By module of WebAssembly, then by name. */
export type Imports = Record<string, Record<string, Import>>;

type Create = (settings: object) => Promise<Emscripten>;

/** The exported functions that the glue calls on the way of programs, and those that are called here. */
const needed =
  /^(malloc|free|calloc|realloc|memalign|_*emscripten_(?!.*webgl).*|__wasm_.*|_*errno_location|hton[sl]|ntoh[sl]|fflush|_*trap|setThrew|_*get_temp_ret|strerror|_*funcs_on_exit|__dl_seterr|Py_Initialize|Py_IncRef|PyRun_SimpleString|PyUnicode_(FromStringAndSize|AsUTF8)|PyObject_CallOneArg|PyEval_EvalCode|PyErr_(ExceptionMatches|GetRaisedException))$/;

/** Python's module, with no more functions than are used. `wasm` is pyodide.asm.wasm. */
export function compilePython(wasm: Uint8Array): Promise<WebAssembly.Module> {
  return WebAssembly.compile(stripExports(wasm, (name) => needed.test(name)));
}

/** Pyodide's JavaScript side as a script, so that V8 need not compile it again for every interpreter. */
export interface Glue {
  url: string;
  script: string;
  /** What V8 made of it. */
  compiled?: Uint8Array;
}

/** `source` is pyodide.asm.mjs, a module with one default export. */
export function glueOf(url: string, source: string): Glue {
  const body = source
    .replaceAll('import.meta.url', 'url')
    .replaceAll(/(?<![\w$.])import\(/g, 'load(')
    .replace(/export default (\w+);\s*$/, 'return $1;');
  if (body.includes('import.meta') || !/return \w+;$/.test(body))
    throw new Error('Pyodide has changed: its module can not be read as a script');
  return { url, script: `(function (url, load) {${body}\n})` };
}

/** Its factory; and, to be called after use, what V8 has compiled of it. */
function loadGlue({ url, script, compiled }: Glue): { create: Create; compile(): Uint8Array } {
  const loaded = new Script(script, { filename: url, cachedData: compiled });
  const enter = loaded.runInThisContext() as (url: string, load: (name: string) => unknown) => Create;
  // What Pyodide's own layer wants to load never comes.
  const load = (name: string) => (name === 'node:module' ? { createRequire } : new Promise(() => {}));
  return { create: enter(url, load), compile: () => loaded.createCachedData() };
}

const HOME = '/home/pyodide';

/** Starts the module, with `library` where Python looks for it. Nothing is running yet. */
export async function startEmscripten(options: {
  glue: Glue;
  module: WebAssembly.Module;
  library: Uint8Array;
  wrap(imports: Imports): void;
}): Promise<{ python: Emscripten; compile(): Uint8Array }> {
  const { glue, module, library, wrap } = options;
  const { create, compile } = loadGlue(glue);
  const python = await create({
    noInitialRun: true,
    noImageDecoding: true,
    noAudioDecoding: true,
    noWasmDecoding: true,
    arguments: [],
    print: () => {},
    printErr: () => {},
    locateFile: (name: string) => name,
    // Pyodide's own layer waits for its list of packages, and is never used.
    API: {
      config: { jsglobals: Object.create(null) as object, env: {}, args: [] },
      runtimeEnv: { IN_NODE: true },
      lockFilePromise: new Promise(() => {}),
    },
    preRun: [(self: Emscripten) => layOut(self, library)],
    instantiateWasm(imports: Imports, take: (instance: object, module: WebAssembly.Module) => void) {
      // Pyodide's loader adds these two.
      imports['env']!['Jsv_GetError_import'] = imports['env']!['JsvError_Check'] = () => 0;
      wrap(imports);
      const instance = new WebAssembly.Instance(module, withoutTable(imports, module) as never);
      take(instance, module);
      return {};
    },
  });
  closeStreams(python.FS);
  return { python, compile };
}

/**
 * The glue puts every exported function, and functions of JavaScript for graphics, into the table that C's function
 * pointers are of, for libraries that are loaded later. There are none, and nothing in the table shall lead out: each
 * is given the pointer that C takes for no function.
 */
function withoutTable(imports: Imports, module: WebAssembly.Module): Imports {
  const pointers = imports['GOT.func'] as unknown as Record<string, WebAssembly.Global>;
  const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');
  for (const { name } of functions) pointers[name]!.value = 0;
  const asked = WebAssembly.Module.imports(module).filter(({ module: group }) => group === 'GOT.func');
  for (const { name } of asked) pointers[name]!.value = 0;
  return imports;
}

function layOut({ FS, ENV }: Emscripten, library: Uint8Array): void {
  for (const folder of [HOME, '/lib/python3.14/site-packages', '/lib/python3.14/lib-dynload'])
    FS.mkdirTree(folder);
  FS.writeFile('/lib/python314.zip', new Uint8Array(library));
  Object.assign(ENV, { HOME, PYTHONHOME: '/', PYTHONDONTWRITEBYTECODE: '1' });
  FS.chdir(HOME);
}

/** There is nothing to read, and what is printed goes nowhere. */
function closeStreams(FS: Emscripten['FS']): void {
  for (const descriptor of [0, 1, 2]) FS.close(FS.getStream(descriptor));
  for (const name of ['tty', 'tty1', 'stdin', 'stdout', 'stderr']) {
    FS.unlink(`/dev/${name}`);
    FS.symlink('/dev/null', `/dev/${name}`);
  }
  for (const flags of [0, 1, 1]) FS.open('/dev/null', flags);
}
