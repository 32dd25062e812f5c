import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { transformSync } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { createBoundary } from '../../../src/evaluation/sandbox/boundary.ts';
import type { Imports } from '../../../src/evaluation/sandbox/emscripten.ts';
import { forwardExport, stripExports } from '../../../src/evaluation/sandbox/exports.ts';
import { SLEEP, type Emscripten, type FileNode } from '../../../src/evaluation/sandbox/python-module.ts';
import { openSandbox } from '../../../src/evaluation/sandbox/sandbox.ts';
import { until } from '../../support/until.ts';

const KIB = 1024;
class ErrnoError extends Error {
  constructor(readonly code: number) {
    super(`errno ${code}`);
  }
}

/** As much of Python's module as the sandbox boundary touches: one page of memory, and files as byte arrays. */
function fakeModule() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const node: FileNode = { contents: new Uint8Array() };
  const resize = (bytes: number) => {
    const old = node.contents;
    node.contents = new Uint8Array(bytes);
    node.contents.set(old!.subarray(0, bytes));
  };
  const ops = {
    dir: { node: { unlink: () => {} } },
    file: {
      node: { setattr: (_: FileNode, { size }: { size?: number }) => size !== undefined && resize(size) },
      stream: {
        write: (_stream: object, buffer: Uint8Array, _offset: number, length: number, position: number) => {
          if (position + length > node.contents!.length) resize(position + length);
          node.contents!.set(buffer.subarray(0, length), position);
          return length;
        },
      },
    },
  };
  const module = {
    memory,
    HEAP32: new Int32Array(memory.buffer),
    HEAPU8: new Uint8Array(memory.buffer),
    FS: { ErrnoError, filesystems: { MEMFS: { ops_table: ops } } },
  } as unknown as Emscripten;
  return { module, ops, node };
}

function bounded(memoryBytes: number) {
  const slept: number[] = [];
  const called: string[] = [];
  const names = ['JsvObject_New', 'fd_write', SLEEP, 'emscripten_get_now', '__syscall_poll'];
  names.push('__syscall__newselect', '__syscall_socket', '_dlopen_js', 'emscripten_resize_heap', 'proc_exit');
  const env = Object.fromEntries(names.map((name) => [name, () => (called.push(name), 0)]));
  const imports: Imports = { env };
  const boundary = createBoundary(memoryBytes, (ms) => slept.push(ms));
  boundary.wrap(imports);
  const { module, ops, node } = fakeModule();
  return { boundary, call: imports['env']!, called, slept, module, ops, node };
}

describe('calls from a program into JavaScript', () => {
  it('are all allowed while Python starts, and then only those on the list', () => {
    const { boundary, call, called, module } = bounded(KIB ** 2);
    call['JsvObject_New']!();
    expect(called).toEqual(['JsvObject_New']);
    boundary.close(module);
    expect(() => call['JsvObject_New']!()).toThrow('the sandbox has no JsvObject_New');
    expect(call['fd_write']!()).toBe(0);
    expect(call['__syscall_socket']!()).toBeLessThan(0);
    expect(call['_dlopen_js']!()).toBe(0);
    expect(() => call['proc_exit']!(0)).toThrow('exit status 0');
    expect(called).toEqual(['JsvObject_New', 'fd_write']);
  });

  it('advance its clocks while it sleeps, without waiting', () => {
    const { boundary, call, slept, module } = bounded(KIB ** 2);
    boundary.close(module);
    const began = performance.now();
    call[SLEEP]!(2000);
    call['__syscall_poll']!(0, 0, 1500);
    module.HEAP32.set([4, 250_000], 2);
    call['__syscall__newselect']!(0, 0, 0, 0, 8);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(slept).toEqual([2000, 1500, 4250]);
    const before = performance.now();
    const now = call['emscripten_get_now']!() as number;
    expect(now).toBeGreaterThanOrEqual(before + 7750);
    expect(now).toBeLessThanOrEqual(performance.now() + 7750);
    call['__syscall_poll']!(0, 0, -1);
    expect(slept.at(-1)).toBe(Infinity);
    call['__syscall__newselect']!(0, 0, 0, 0, 0);
    expect(slept.at(-1)).toBe(Infinity);
  });

  it('count files and memory together', () => {
    const { boundary, module, ops, node } = bounded(64 * KIB + 100);
    boundary.close(module);
    const write = (length: number, position: number) =>
      ops.file.stream.write({ node }, new Uint8Array(length), 0, length, position);
    expect(write(60, 0)).toBe(60);
    expect(write(60, 0)).toBe(60);
    expect(boundary.full).toBe(false);
    expect(() => write(60, 60)).toThrow('errno 51');
    expect(boundary.full).toBe(true);
    expect(() => ops.file.node.setattr(node, { size: 2 ** 32 })).toThrow('errno 51');
    ops.file.node.setattr(node, { size: 0 });
    expect(write(100, 0)).toBe(100);
    expect(() => module.memory.grow(1)).toThrow('limit');
  });
});

describe('a lane', () => {
  const dir = mkdtempSync(join(tmpdir(), 'fmn-lane-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  /** Its verdict on each program is its process's id; some programs kill the process, once or each time. */
  const host = join(dir, 'host.mjs');
  writeFileSync(
    host,
    `import { existsSync, writeFileSync } from 'node:fs';
    const killed = ${JSON.stringify(join(dir, 'killed'))};
    process.on('disconnect', () => process.exit());
    process.on('message', ({ program }) => {
      const kills = program === 'kill' || (program === 'kill once' && !existsSync(killed));
      if (!kills) return process.send({ verdict: { outcome: 'passed', message: String(process.pid) } });
      writeFileSync(killed, '');
      process.kill(process.pid, 'SIGKILL');
    });
    process.send({ ready: true });`,
  );
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it('runs a program in a new process if the system killed the last one, before or meanwhile', async () => {
    const lane = await openSandbox({ workers: 1, host, cache: dir });
    const run = async (program: string) => {
      const { outcome, message } = await lane.run(program);
      expect(outcome).toBe('passed');
      return Number(message);
    };
    try {
      const first = await run('x = 1');
      expect(await run('x = 2')).toBe(first);
      process.kill(first, 'SIGKILL');
      await until('the end of the process', () => !isAlive(first));
      const second = await run('x = 3');
      expect(second).not.toBe(first);
      // Before its end is noticed here.
      process.kill(second, 'SIGKILL');
      const third = await run('x = 4');
      expect(third).not.toBe(second);
      expect(await run('kill once')).not.toBe(third);
      expect((await lane.run('kill')).outcome).toBe('failed');
    } finally {
      await lane.dispose();
    }
  });
});

/** The value sent by `check` from a thread in which doors.ts is `doors`. */
async function inThread(check: string): Promise<unknown> {
  const source = readFileSync('src/evaluation/sandbox/doors.ts', 'utf8');
  const { code } = transformSync(source, { loader: 'ts', format: 'cjs' });
  const worker = new Worker(
    `const port = require('node:worker_threads').parentPort; ${code}\nconst doors = module.exports; ${check}`,
    { eval: true },
  );
  const message = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
  await worker.terminate();
  return message;
}

describe('lockDown', () => {
  it('leaves no way out, even through objects kept from before', async () => {
    const ways = [
      "require('node:child_process')",
      "require('node:net')",
      "require('node:module').createRequire('/')",
      "keptModule._load('node:child_process')",
      "keptProcess.binding('spawn_sync')",
      "keptProcess._linkedBinding('fs')",
      "keptProcess.dlopen({ exports: {} }, '/lib/x.node')",
      "keptProcess.getBuiltinModule('node:child_process').execSync('true')",
      "keptFs.readFileSync('/etc/passwd')",
      "keptFs.promises.readFile('/etc/passwd')",
      'fetch',
      'setTimeout',
      'process',
    ];
    const open = await inThread(`
      const keptProcess = process, keptFs = require('node:fs'), keptModule = require('node:module');
      const ways = { ${ways.map((way) => `${JSON.stringify(way)}: () => ${way}`).join(', ')} };
      doors.lockDown();
      port.postMessage(Object.keys(ways).filter((way) => {
        try { return ways[way]() || true; } catch { return false; }
      }));`);
    expect(open).toEqual([]);
  });
});

describe('intrinsics', () => {
  it('are frozen, including those reachable only through values', async () => {
    const loose = await inThread(`
      doors.freezeIntrinsics();
      const loose = [];
      const generator = Object.getPrototypeOf(function* () {});
      for (const [name, thing] of Object.entries({ array: Array.prototype, call: Function.prototype, Promise, JSON,
        iterator: Object.getPrototypeOf([][Symbol.iterator]()), generator, typed: Object.getPrototypeOf(Int8Array),
        getter: Object.getOwnPropertyDescriptor(Map.prototype, 'size').get }))
        if (!Object.isFrozen(thing)) loose.push(name);
      port.postMessage(loose);`);
    expect(loose).toEqual([]);
  });
});

describe('exports', () => {
  it('that are unused are removed, and the module still works', async () => {
    // (module (memory (export "m") 1) (func (export "f") (result i32) i32.const 7) (func (export "g")))
    const bytes = Uint8Array.from(
      '0061736d0100000001080260 00017f600000 03030200 01 0503010001 070d03 016d0200 01660000 01670001 0a09 02 0400 41070b 02000b'
        .replaceAll(' ', '')
        .match(/../g)!
        .map((pair) => parseInt(pair, 16)),
    );
    const all = await WebAssembly.compile(bytes);
    expect(WebAssembly.Module.exports(all).map(({ name }) => name)).toEqual(['m', 'f', 'g']);
    const fewer = await WebAssembly.compile(stripExports(bytes, (name) => name === 'f'));
    expect(WebAssembly.Module.exports(fewer).map(({ name }) => name)).toEqual(['m', 'f']);
    const { f } = new WebAssembly.Instance(fewer).exports as { f(): number };
    expect(f()).toBe(7);
  });

  it('can forward their argument', async () => {
    // (module (import "e" "first" (func)) (import "e" "m" (memory 1 2)) (import "e" "t" (table 1 funcref))
    //   (import "e" "g" (global i32)) (import "e" "to" (func (param f64) (result i32)))
    //   (func (export "other") (result i32) i32.const 7) (func (export "sleep") (param f64) loop end)
    //   (func (export "last") (result i32) i32.const 9))
    const bytes = Uint8Array.from(
      '0061736d01000000 0111 04 600000 60017c017f 6000017f 60017c00 0229 05 0165 056669727374 0000 0165 016d 020101 02 0165 0174 017000 01 0165 0167 037f00 0165 02746f 0001 030403 020302 071803 056f74686572 0002 05736c656570 0003 046c617374 0004 0a11 03 04004107 0b 0500 0340 0b0b 040041090b'
        .replaceAll(' ', '')
        .match(/../g)!
        .map((pair) => parseInt(pair, 16)),
    );
    const module = await WebAssembly.compile(forwardExport(bytes, 'sleep', 'to'));
    const sleeps: number[] = [];
    const e = {
      first: () => {},
      m: new WebAssembly.Memory({ initial: 1, maximum: 2 }),
      t: new WebAssembly.Table({ initial: 1, element: 'anyfunc' }),
      g: 1,
      to: (ms: number) => sleeps.push(ms),
    };
    const { other, sleep, last } = new WebAssembly.Instance(module, { e }).exports as Record<
      string,
      (ms?: number) => number | undefined
    >;
    expect([other!(), sleep!(2.5), last!()]).toEqual([7, undefined, 9]);
    expect(sleeps).toEqual([2.5]);
    expect(() => forwardExport(bytes, 'sleep', 'missing')).toThrow('Pyodide has changed');
    expect(() => forwardExport(bytes, 'missing', 'to')).toThrow('Pyodide has changed');
  });
});
