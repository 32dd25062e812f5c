/**
 * What Python's WebAssembly may call in JavaScript. Of its 291 imports, a program gets those in this file: the clock,
 * the memory, and the files that Emscripten keeps in memory. Everything else (JavaScript objects, eval, libraries, the
 * network) is refused, so a program can't escape, whatever it does to its interpreter and its memory.
 */
import { randomFillSync } from 'node:crypto';
import { SLOWNESS } from './clock.ts';
import type { Imports } from './emscripten.ts';
import { SLEEP, type Emscripten, type FileNode } from './python-module.ts';

/** Emscripten's own functions, which work on its files in memory and on the interpreter's memory. */
const passThrough = new Set(
  `environ_get environ_sizes_get fd_close fd_fdstat_get fd_pread fd_pwrite fd_read fd_seek fd_sync fd_write
  _emscripten_get_now_is_monotonic emscripten_get_now_res emscripten_get_heap_max emscripten_memcpy_js strftime strftime_l
  _gmtime_js _localtime_js _mktime_js _mmap_js _msync_js _munmap_js _timegm_js _tzset_js
  __syscall_chdir __syscall_chmod __syscall_dup __syscall_dup3 __syscall_faccessat __syscall_fadvise64 __syscall_fallocate
  __syscall_fchdir __syscall_fchmod __syscall_fchmodat __syscall_fchown32 __syscall_fchownat __syscall_fcntl64
  __syscall_fdatasync __syscall_fstat64 __syscall_fstatfs64 __syscall_ftruncate64 __syscall_getcwd __syscall_getdents64
  __syscall_ioctl __syscall_lstat64 __syscall_mkdirat __syscall_mknodat __syscall_newfstatat
  __syscall_openat __syscall_pipe __syscall_readlinkat __syscall_renameat __syscall_rmdir __syscall_stat64
  __syscall_statfs64 __syscall_symlink __syscall_symlinkat __syscall_truncate64 __syscall_unlinkat __syscall_utimensat
  _PyEM_detect_type_reflection _PyEM_TrampolineCall_JS _PyEM_CountFuncParams _PyImport_InitFunc_TrampolineCall
  _Py_emscripten_runtime __call_sighandler ffi_call_js ffi_closure_alloc_js
  ffi_closure_free_js ffi_prep_closure_loc_js`.split(/\s+/),
);

/** Emscripten's error numbers. */
const EPERM = 63;
const ENOSYS = 52;
const ENOSPC = 51;
const EAI_FAIL = -4;

/** Called by harmless programs too; these calls return the errors that an operating system would return. */
const refused: Record<string, number> = {
  ...Object.fromEntries(
    `accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmsg sendmsg sendto socket`
      .split(' ')
      .map((name) => [`__syscall_${name}`, -EPERM]),
  ),
  _setitimer_js: -ENOSYS,
  system: -ENOSYS,
  _dlopen_js: 0,
  _dlsym_js: 0,
  getaddrinfo: EAI_FAIL,
  gethostbyname: 0,
  gethostbyaddr: 0,
  getnameinfo: EAI_FAIL,
  getprotobyname: 0,
};

/** A program that reads the time again this soon is waiting, in a lock or a loop. */
const WAITING_MS = 0.1;
/** After this many such reads in a row, a longer gap counts as waiting too, caused by a busy machine. */
const WAITING_TIMES = 100;

export interface Boundary {
  /** Wraps all imports, in place. Until `close` is called, they behave as in Emscripten. */
  wrap(imports: Imports): void;
  /** Enforces the boundary; from here on, a program may run. */
  close(module: Emscripten): void;
  /** True if memory or file space was refused. */
  readonly full: boolean;
}

/** Sleeping takes no real time: the time is added to the program's clocks and reported to `onSleep`. */
export function createBoundary(memoryBytes: number, onSleep: (ms: number) => void): Boundary {
  let python: Emscripten | undefined;
  let quota: Quota | undefined;
  let slept = 0;
  let lastRead = 0;
  let consecutiveReads = 0;
  const sleep = (ms: number) => {
    slept += ms;
    onSleep(ms);
  };
  const now = () => performance.now() + slept;
  /**
   * The clock divides work by SLOWNESS. Waiting takes the same time anywhere, so this adds the difference to count it
   * in full.
   */
  const countWaiting = () => {
    const waited = performance.now() - lastRead;
    lastRead += waited;
    const waits = waited < WAITING_MS || consecutiveReads >= WAITING_TIMES;
    consecutiveReads = waited < WAITING_MS ? consecutiveReads + 1 : 0;
    if (waits) onSleep(waited * (1 - 1 / SLOWNESS));
  };

  const overrides = (original: Imports[string]): Imports[string] => ({
    [SLEEP]: sleep,
    emscripten_get_now() {
      countWaiting();
      return now();
    },
    emscripten_date_now() {
      countWaiting();
      return performance.timeOrigin + now();
    },
    __syscall_poll(files: number, count: number, timeout: number) {
      const ready = original['__syscall_poll']!(files, count, timeout) as number;
      if (ready === 0 && timeout !== 0) sleep(timeout < 0 ? Infinity : timeout);
      return ready;
    },
    __syscall__newselect(count: number, read: number, write: number, failed: number, timeout: number) {
      const ready = original['__syscall__newselect']!(count, read, write, failed, timeout) as number;
      const [seconds, micros] = [timeout, timeout + 4].map((at) => python!.HEAP32[at >>> 2]!);
      if (ready === 0) sleep(timeout === 0 ? Infinity : seconds! * 1e3 + micros! / 1e3);
      return ready;
    },
    getentropy(at: number, bytes: number) {
      randomFillSync(python!.HEAPU8, at >>> 0, bytes);
      return 0;
    },
    emscripten_resize_heap(bytes: number) {
      const grown = original['emscripten_resize_heap']!(bytes);
      if (!grown) quota!.full = true;
      return grown;
    },
    proc_exit: exitProcess,
    exit: exitProcess,
    // There are no signals from outside.
    _Py_CheckEmscriptenSignals_Helper: () => 0,
  });

  return {
    wrap(imports) {
      // The same object also serves as wasi_snapshot_preview1.
      const group = imports['env']!;
      const original = { ...group };
      const overridden = overrides(original);
      for (const [name, run] of Object.entries(original)) {
        if (typeof run !== 'function' || passThrough.has(name)) continue;
        const sandboxed = overridden[name] ?? (name in refused ? () => refused[name] : () => deny(name));
        // Deleting first makes the name new to V8, which is much faster than changing an existing function.
        delete group[name];
        group[name] = (...args) => (python ? sandboxed : run)(...args);
      }
    },
    close(module) {
      quota = new Quota(memoryBytes);
      limitMemory(module.memory, quota);
      limitFiles(module.FS, quota);
      python = module;
    },
    get full() {
      return quota?.full ?? false;
    },
  };
}

function exitProcess(status: number): never {
  throw new Error(`exit status ${status}`);
}

function deny(name: string): never {
  throw new Error(`the sandbox has no ${name}`);
}

/** The limit in bytes for the interpreter and its files together. */
class Quota {
  used = 0;
  full = false;
  constructor(private readonly bytes: number) {}

  fits(more: number): boolean {
    if (this.used + more <= this.bytes) return true;
    this.full = true;
    return false;
  }
}

/** Beyond the quota, Python raises MemoryError. */
function limitMemory(memory: WebAssembly.Memory, quota: Quota): void {
  const PAGE = 65536;
  quota.used += memory.buffer.byteLength;
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (!quota.fits(pages * PAGE)) throw new RangeError('sandbox memory limit');
    quota.used += pages * PAGE;
    return grow(pages);
  };
}

/** Beyond the quota, Python gets "No space left on device". */
function limitFiles(files: Emscripten['FS'], quota: Quota): void {
  const { dir, file } = files.filesystems.MEMFS.ops_table;
  const counted = new WeakMap<FileNode, number>();
  const count = (node: FileNode, bytes: number) => {
    quota.used += bytes - (counted.get(node) ?? 0);
    counted.set(node, bytes);
  };
  const reserve = (node: FileNode, bytes: number) => {
    const more = bytes - sizeOf(node);
    if (more > 0 && !quota.fits(more)) throw new files.ErrnoError(ENOSPC);
  };
  const { write } = file.stream;
  file.stream.write = (stream, buffer, offset, length, position, own) => {
    reserve(stream.node, position + length);
    const written = write(stream, buffer, offset, length, position, own);
    count(stream.node, sizeOf(stream.node));
    return written;
  };
  const { setattr } = file.node;
  file.node.setattr = (node, change) => {
    reserve(node, change.size ?? 0);
    setattr(node, change);
    count(node, sizeOf(node));
  };
  const { unlink } = dir.node;
  dir.node.unlink = (parent, name) => {
    const node = parent.contents[name];
    unlink(parent, name);
    if (node && counted.has(node)) count(node, 0);
  };
}

const sizeOf = ({ contents }: FileNode): number => contents?.length ?? 0;
