/**
 * Measures the speed and memory of tokenising a folder, which is first copied until it has a million lines.
 *
 *     npm run bench:corpus -- FOLDER [BASE.gguf]
 *     npm run bench:corpus -- --files 20000 [BASE.gguf]     # memory of an evaluation on this many generated files
 *
 * Without a base, a simple word splitter replaces the tokenizer, so that everything else is measured.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { buildCorpus, surveyCorpus, type CorpusTokenizer } from '../src/corpus/index.ts';
import { openTokenizer } from '../src/llama-cpp/tokenizer.ts';
import { hyperSchema } from '../src/protocol/run.ts';
import { statePath } from '../src/runs/files.ts';
import { createRun } from '../src/runs/index.ts';
import { writeTinyAdapter, writeTinyModel } from '../test/support/tiny-model.ts';
import { makeOwnHome } from './own-home.ts';

const LINES = 1_000_000;
/** The small corpus to which the evaluation of a large one is compared: files, and lines per file. */
const SMALL = { files: 200, lines: 120 };
/** Makes the evaluator's process print its peak memory, in KB, when it ends. */
const TELL = 'process.on("exit", () => console.error(`peak ${process.resourceUsage().maxRSS}`))';

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { files: { type: 'string' } },
    allowPositionals: true,
  });
  const [folder, base] = values.files ? [undefined, ...positionals] : positionals;
  if (!folder && !values.files)
    throw new Error('Give a folder: npm run bench:corpus -- FOLDER [BASE.gguf], or --files 20000.');
  const work = await mkdtemp(join(tmpdir(), 'fmn-bench-corpus-'));
  try {
    if (folder) await measure(folder, base, work);
    else await measureEvaluation(Number(values.files), base, work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function measure(folder: string, base: string | undefined, work: string): Promise<void> {
  const { summary } = await surveyCorpus({ folder, seed: 0 });
  const copies = Math.ceil(LINES / summary.lines);
  // Exact copies would be left out as duplicates, so names are changed in each copy.
  await copyRenamed(folder, work, copies);
  const { encode, eos, dispose } = await tokenizerOf(base);
  const before = process.memoryUsage.rss();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const built = await buildCorpus({
    folder: join(work, 'in'),
    out: join(work, 'out'),
    tokenizer: { encode, eos },
    seed: 0,
  });
  const seconds = (performance.now() - started) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  await dispose();
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  console.log(
    JSON.stringify({
      files: built.kept,
      lines: built.lines,
      megabytes: megabytes(built.bytes),
      tokens: built.trainTokens + built.heldOutTokens,
      leftOut: built.leftOut,
      seconds: Number(seconds.toFixed(1)),
      cpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(1)),
      secondsPerMillionLines: Number(((seconds * LINES) / built.lines).toFixed(1)),
      rssBeforeMB: megabytes(before),
      rssPeakMB: Math.round(process.resourceUsage().maxRSS / 1e3),
    }),
  );
}

/** Copies the files, changing a third of the longer names in each copy, so that they are no near-duplicates. */
async function copyRenamed(from: string, to: string, copies: number): Promise<void> {
  const { kept } = await surveyCorpus({ folder: from, seed: 0 });
  for (const { path } of kept) {
    const text = await readFile(join(from, path), 'utf8');
    for (let copy = 0; copy < copies; copy += 1) {
      const target = join(to, 'in', String(copy), path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(
        target,
        text.replace(/\b[a-zA-Z]\w{3,}\b/g, (name) =>
          name.charCodeAt(1) % 3 === 0 ? `${name}${copy}` : name,
        ),
      );
    }
  }
}

async function tokenizerOf(
  path: string | undefined,
): Promise<CorpusTokenizer & { dispose(): Promise<void> | void }> {
  if (path) {
    const tokenizer = await openTokenizer(path);
    return {
      encode: (text) => tokenizer.encode(text),
      eos: tokenizer.eos,
      dispose: () => tokenizer.dispose(),
    };
  }
  const words = new Map<string, number>();
  const id = (word: string) =>
    words.get(word) ?? (words.size < 49_000 ? words.set(word, words.size + 1).size : 1);
  return {
    encode: (text) => Int32Array.from(text.match(/\w+|\s+|[^\w\s]/g) ?? [], id),
    eos: 0,
    dispose: () => undefined,
  };
}

/** Without a base, a tiny model with random weights is used, since only what depends on the corpus matters. */
async function measureEvaluation(files: number, basePath: string | undefined, work: string): Promise<void> {
  const base = basePath ?? join(work, 'tiny.gguf');
  if (!basePath) await writeTinyModel(base, { seed: 5 });
  const home = join(work, 'home');
  await makeOwnHome(home);
  process.env['FORGET_ME_NOT_HOME'] = home;
  const small = await peak(await makeRun(base, SMALL.files, work));
  const large = await peak(await makeRun(base, files, work));
  console.log(
    JSON.stringify({
      files,
      smallMB: small,
      largeMB: large,
      addedMB: Math.round(large - small),
      limitMB: 300,
    }),
  );
}

/** A finished run on a corpus of `files` generated files, with a random adapter. Returns its directory. */
async function makeRun(base: string, files: number, work: string): Promise<string> {
  const folder = join(work, `in-${files}`);
  for (let file = 0; file < files; file += 1) {
    const target = join(folder, `part${file % 100}`, `group${file % 7}`);
    await mkdir(target, { recursive: true });
    await writeFile(join(target, `file${file}.ts`), generated(file));
  }
  const { dir } = await createRun({
    name: `${files} files`,
    folder,
    base: { id: 'bench', path: base, sha256: 'ab'.repeat(32) },
    hyper: hyperSchema.parse({ method: 'lora', learningRate: 1e-3, steps: 1, sequenceLength: 256 }),
    backend: 'auto',
    evaluation: { heldOutWindows: 16, humanevalProblems: 0, retentionTexts: 0 },
    versions: {},
  });
  const tokenizer = await openTokenizer(base);
  const summary = await buildCorpus({ folder, out: join(work, 'corpus'), tokenizer, seed: 0 });
  await tokenizer.dispose();
  await rename(join(work, 'corpus'), join(dir, 'corpus'));
  await writeTinyAdapter(join(dir, 'adapter.gguf'), base, { seed: files, scale: 0.01 });
  await writeFile(statePath(dir), JSON.stringify({ status: 'done', step: 1, steps: 1 }));
  console.error(
    `${summary.kept} files, ${summary.heldOutFiles} of them held out with ${summary.heldOutTokens} tokens`,
  );
  return dir;
}

/** Code that differs from file to file. */
function generated(file: number): string {
  let state = file + 1;
  const word = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return `name${(state >>> 8).toString(36)}`;
  };
  const lines = Array.from({ length: SMALL.lines }, (_, line) =>
    line % 6 === 0
      ? `export function ${word()}(${word()}: number, ${word()}: string[]) {`
      : line % 6 === 5
        ? '}\n'
        : `  const ${word()} = ${word()}.map((${word()}) => ${word()} + ${line}); // ${word()} of ${word()}`,
  );
  return `${lines.join('\n')}\n`;
}

/** Peak memory of evaluating the run, in MB. */
async function peak(dir: string): Promise<number> {
  const preload = `data:text/javascript,${encodeURIComponent(TELL)}`;
  const command = ['--import', preload, resolve('dist/evaluator.mjs'), dir];
  const { stderr } = await promisify(execFile)(process.execPath, command, { maxBuffer: 1 << 26 });
  return Math.round(Number(/^peak (\d+)$/m.exec(stderr)![1]) / 1e3);
}
