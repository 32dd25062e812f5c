/** Starts Pyodide's low-level JavaScript side (pyodide.asm.js), without Pyodide's own layer above it. */

import { loadGlue, type Glue } from './glue.ts';
import type { Emscripten } from './python-module.ts';

// oxlint-disable-next-line @typescript-eslint/no-explicit-any -- each import has its own signature.
type Import = (...args: any[]) => unknown;
/** Imports by WebAssembly module name, then by name. */
export type Imports = Record<string, Record<string, Import>>;

const HOME = '/home/pyodide';
/**
 * Added to C's stack in the interpreter's memory (5 MB): below it is data, which a program must not reach by deep
 * recursion. With it, WebAssembly's own stack (host.ts) is always full first.
 */
const EXTRA_STACK = 32 * 1024 * 1024;
const PAGE = 65_536;
/** At first 20 MB and the stack, at most 2 GB: Pyodide's own numbers. */
const PAGES = { initial: 320 + EXTRA_STACK / PAGE, maximum: 32_768 };

/** Instantiates the module, with `library` where Python looks for it. Nothing runs yet. */
export async function startEmscripten(options: {
  glue: Glue;
  module: WebAssembly.Module;
  /** The functions among its exports. */
  exported: string[];
  library: Uint8Array;
  wrap(imports: Imports): void;
}): Promise<{ python: Emscripten; compile(): Uint8Array }> {
  const { glue, module, exported, library, wrap } = options;
  const { create, compile } = loadGlue(glue);
  const memory = new WebAssembly.Memory(PAGES);
  const settings = {
    memory,
    wasmMemory: memory,
    noInitialRun: true,
    noImageDecoding: true,
    noAudioDecoding: true,
    noWasmDecoding: true,
    arguments: [],
    print: () => {},
    printErr: () => {},
    locateFile: (name: string) => name,
    // Pyodide's own layer is never used; it waits forever for its list of packages.
    API: {
      config: { jsglobals: Object.create(null) as object, env: {}, args: [] },
      runtimeEnv: { IN_NODE: true },
      lockFilePromise: new Promise(() => {}),
    },
    preRun: [(self: Emscripten) => prepareFileSystem(self, library)],
    instantiateWasm(imports: Imports, onInstance: (instance: object, module: WebAssembly.Module) => unknown) {
      wrap(imports);
      // The heap begins where the stack does, which grows downwards.
      const variable = (group: string, name: string) =>
        imports[group]![name] as unknown as WebAssembly.Global;
      const stack = variable('env', '__stack_pointer');
      variable('GOT.mem', '__heap_base').value = stack.value += EXTRA_STACK;
      const instance = new WebAssembly.Instance(module, withoutFunctionTable(imports, exported) as never);
      return onInstance(instance, module);
    },
  };
  // The glue adds thousands of names to this object, which is faster in V8 without a prototype.
  const python = await create(Object.assign(Object.create(null) as object, settings));
  // Its errors set these two, which only their own prototype allows once the language's are frozen (doors.ts).
  Object.assign(python.FS.ErrnoError.prototype as Error, { name: '', message: '' });
  closeStreams(python.FS);
  return { python, compile };
}

/**
 * The glue would put every exported function, and JavaScript's to which the module needs pointers (graphics, C++'s
 * exceptions), into the table of C's function pointers. No library will need the first, and the table must not lead out
 * of the sandbox, so the first get a pointer to nowhere and the others the null pointer.
 */
function withoutFunctionTable(imports: Imports, exported: string[]): Imports {
  const pointers = imports['GOT.func'] as unknown as Record<string, WebAssembly.Global>;
  for (const name of exported) pointers[name]!.value = INVALID_POINTER;
  const nullPointer = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  return { ...imports, 'GOT.func': new Proxy({}, { get: () => nullPointer }) };
}
const INVALID_POINTER = -1;

function prepareFileSystem({ FS, ENV }: Emscripten, library: Uint8Array): void {
  for (const folder of [HOME, '/lib/python3.11/site-packages', '/lib/python3.11/lib-dynload'])
    FS.mkdirTree(folder);
  addLazyFile(FS, '/lib/python311.zip', library);
  Object.assign(ENV, { HOME, PYTHONHOME: '/', PYTHONDONTWRITEBYTECODE: '1' });
  FS.chdir(HOME);
}

/**
 * Adds a file whose content is created when first accessed: a copy, since a program may write to it. Most programs
 * never access it.
 */
function addLazyFile(FS: Emscripten['FS'], path: string, content: Uint8Array): void {
  FS.writeFile(path, '');
  const { node } = FS.lookupPath(path);
  node.usedBytes = content.length;
  const materialise = (value: Uint8Array) => {
    Object.defineProperty(node, 'contents', { value, writable: true, enumerable: true, configurable: true });
    return value;
  };
  Object.defineProperty(node, 'contents', {
    get: () => materialise(new Uint8Array(content)),
    set: materialise,
    enumerable: true,
    configurable: true,
  });
}

/** Makes standard input empty and discards output. */
function closeStreams(FS: Emscripten['FS']): void {
  for (const descriptor of [0, 1, 2]) FS.close(FS.getStream(descriptor));
  for (const name of ['tty', 'tty1', 'stdin', 'stdout', 'stderr']) {
    FS.unlink(`/dev/${name}`);
    FS.symlink('/dev/null', `/dev/${name}`);
  }
  for (const flags of [0, 1, 1]) FS.open('/dev/null', flags);
}
