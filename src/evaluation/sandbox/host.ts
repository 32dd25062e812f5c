/**
 * The process of a lane: `node dist/sandbox-host.mjs OPTIONS`. Runs one program at a time, each in a new interpreter,
 * and keeps the next interpreter ready. It watches the program's time and the size of this process, which also shows
 * memory that escapes the limits inside. Whatever a program does to this process, the evaluator survives; when the
 * evaluator ends, this process ends.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../../platform/processes/start.ts';
import { startClock } from './clock.ts';
import { compilePython, createGlue } from './glue.ts';
import { imagePath, storeImage, readImage, type StoredImage } from './image-file.ts';
import { toShared } from './image.ts';
import type {
  HostOptions,
  HostReply,
  HostRequest,
  InterpreterData,
  InterpreterReply,
  Verdict,
} from './protocol.ts';

const MIB = 1024 * 1024;
/** How often the size is checked: a program that fills memory at 2 GB/s is caught 40 MB later. */
const POLL_MS = 20;
/** How much this process may grow besides the program, because the next interpreter is started meanwhile. */
const OWN_GROWTH = 160 * MIB;

const HOST = fileURLToPath(import.meta.url);
const THREAD = join(dirname(HOST), 'sandbox-interpreter.mjs');

interface Interpreter {
  worker: Worker;
  thread: string | undefined;
  slept: Float64Array<SharedArrayBuffer>;
}

const options = JSON.parse(process.argv[2]!) as HostOptions;
const send = (reply: HostReply) => void process.send!(reply);
process.on('disconnect', () => process.exit());

/** Data shared by all interpreters, so that WebAssembly's code and Python's image are in memory only once. */
type CommonData = Omit<InterpreterData, 'image' | 'slept'>;

async function prepare(): Promise<Omit<InterpreterData, 'slept'>> {
  // Forbids eval and the like in this whole process.
  setFlagsFromString('--disallow-code-generation-from-strings');
  const glue = join(options.pyodide, 'pyodide.asm.js');
  const parts = [join(options.pyodide, 'pyodide.asm.wasm'), join(options.pyodide, 'python_stdlib.zip'), glue];
  const [wasm, zip, source, ...bundles] = await Promise.all(
    [...parts, HOST, THREAD].map((path) => readFile(path)),
  );
  const { module, exported, imported } = await compilePython(wasm!);
  const common: CommonData = {
    ...options,
    module,
    exported,
    glue: createGlue(pathToFileURL(glue).href, source!.toString(), imported),
    library: toShared(zip!),
  };
  const path = imagePath(options.cache, [wasm!, zip!, source!, ...bundles]);
  let stored = await readImage(path);
  if (!stored) {
    stored = await makeImage(common);
    await storeImage(path, stored);
  }
  return { ...common, image: stored.image, glue: { ...common.glue, compiled: stored.compiled } };
}

/** Starts a thread and resolves with its first message. */
function start(data: Omit<InterpreterData, 'slept'>): Promise<Interpreter & { first: InterpreterReply }> {
  const slept = new Float64Array(new SharedArrayBuffer(8));
  const worker = startThread(THREAD, {
    workerData: { ...data, slept } satisfies InterpreterData,
    env: {},
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 64, stackSizeMb: 32 },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', (first: InterpreterReply) => {
      resolve({ worker, slept, first, thread: 'ready' in first ? first.thread : undefined });
    });
    // This listener stays: a thread that is being terminated may still report an error, which must not become uncaught.
    worker.on('error', reject);
    worker.once('exit', (code) => reject(new Error(`an interpreter ended with ${code} while starting`)));
  });
}

async function makeImage(common: CommonData): Promise<StoredImage> {
  const { worker, first } = await start(common);
  await worker.terminate();
  if (!('image' in first)) throw new Error('an interpreter made no image');
  return first;
}

/** Gives an interpreter its program, and terminates it when the program has ended or exceeds a limit. */
async function runProgram({ worker, thread, slept }: Interpreter, request: HostRequest): Promise<Verdict> {
  const before = process.memoryUsage.rss();
  let stop = () => {};
  const verdict = await new Promise<Verdict>((resolve) => {
    const ended = (why: string) => resolve({ outcome: 'failed', message: `interpreter ended: ${why}` });
    const outOfMemory = () => resolve({ outcome: 'out of memory', message: '' });
    worker.on('message', (reply: InterpreterReply) => 'verdict' in reply && resolve(reply.verdict));
    worker.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? outOfMemory() : ended(error.message),
    );
    worker.on('exit', (code) => ended(`code ${code}`));
    const stopClock = startClock({ thread, slept, limitMs: options.timeoutMs }, () =>
      resolve({ outcome: 'timed out', message: '' }),
    );
    const poll = setInterval(() => {
      if (process.memoryUsage.rss() > before + options.memoryBytes + OWN_GROWTH) outOfMemory();
    }, POLL_MS);
    stop = () => {
      stopClock();
      clearInterval(poll);
    };
    worker.postMessage(request);
  });
  stop();
  await worker.terminate();
  return verdict;
}

async function main(): Promise<void> {
  // When memory is short, Linux then kills this process before any other of the user's.
  if (existsSync('/proc/self/oom_score_adj')) writeFileSync('/proc/self/oom_score_adj', '1000');
  const data = await prepare();
  let next = start(data);
  await next;
  process.on('message', (request: HostRequest) => {
    const current = next;
    next = start(data);
    // The error is reported when this interpreter is used.
    next.catch(() => {});
    void current
      .then((interpreter) => runProgram(interpreter, request))
      .then((verdict) => send({ verdict }))
      .catch(fail);
  });
  send({ ready: true });
}

function fail(error: unknown): void {
  process.send!({ failed: String((error as Error)?.message ?? error) } satisfies HostReply, () =>
    process.exit(1),
  );
}

main().catch(fail);
