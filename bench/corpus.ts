/**
 * How fast a folder is tokenised, and with how much memory. The folder is copied until it has a million lines.
 *
 *     npm run bench:corpus -- FOLDER [BASE.gguf]
 *     npm run bench:corpus -- --files 20000 [BASE.gguf]     # memory of an evaluation on that many generated files
 *
 * Without a base, a simple word splitter replaces the tokenizer, so that everything else is measured.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildCorpus, surveyCorpus, type CorpusTokenizer } from '../src/corpus/index.ts';
import { measureEvaluation } from './evaluation-memory.ts';

const LINES = 1_000_000;

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
  // Exact copies would be left out as duplicates, so each gets different names.
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

/** Copies the files, with a third of the longer names changed in each copy: too many for near-duplicates. */
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
    const { openTokenizer } = await import('../src/base-models/tokenizer.ts');
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
