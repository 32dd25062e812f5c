/** The parts of the Emscripten build of Python that are used: its memory, files and functions. */

/**
 * The import that the C library's sleep calls with its milliseconds (glue.ts): the only one that takes such a number, and
 * nothing else calls it once Pyodide's own layer is cut off.
 */
export const SLEEP = 'JsvNum_fromDouble';

export interface FileNode {
  /** Null if it is empty. */
  contents: Uint8Array | null;
  usedBytes?: number;
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

/** Python's module; functions have their C names. Addresses and sizes are numbers. */
export interface Emscripten {
  memory: WebAssembly.Memory;
  HEAPU8: Uint8Array;
  HEAP32: Int32Array;
  HEAPU32: Uint32Array;
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
    lookupPath(path: string): { node: FileNode };
    open(path: string, flags: number): unknown;
    close(stream: unknown): void;
    getStream(descriptor: number): unknown;
  };
  ENV: Record<string, string>;
  UTF8ToString(at: number, bytes: number): string;
  _PyMem_RawMalloc(bytes: number): number;
  _PyMem_RawFree(at: number): void;
  _emscripten_resize_heap(bytes: number): boolean;
  _Py_Initialize(): void;
  _Py_IncRef(object: number): void;
  _Py_EnterRecursiveCall(where: number): number;
  _PyRun_SimpleString(source: number): number;
  _PyUnicode_FromStringAndSize(at: number, bytes: number): number;
  _PyUnicode_AsUTF8(object: number): number;
  _PyObject_CallOneArg(callable: number, argument: number): number;
  _PyEval_EvalCode(code: number, globals: number, locals: number): number;
  _PyErr_ExceptionMatches(type: number): number;
  _PyErr_Fetch(type: number, value: number, traceback: number): void;
  _PyErr_NormalizeException(type: number, value: number, traceback: number): void;
  _PyExc_MemoryError: number;
}
