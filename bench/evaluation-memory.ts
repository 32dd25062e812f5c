/** The evaluator's peak resident memory on a large corpus, compared with a small one. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { openTokenizer } from '../src/base-models/tokenizer.ts';
import { buildCorpus } from '../src/corpus/index.ts';
import { cacheDir, modelsDir, runtimeDir } from '../src/protocol/paths.ts';
import { hyperSchema } from '../src/protocol/run.ts';
import { statePath } from '../src/runs/files.ts';
import { createRun } from '../src/runs/index.ts';
import { writeTinyAdapter, writeTinyModel } from '../test/support/tiny-model.ts';

const SMALL = 200;
const LINES = 120;
/** Makes the evaluator's process print its peak memory, in KB, when it ends. */
const TELL = 'process.on("exit", () => console.error(`peak ${process.resourceUsage().maxRSS}`))';

/** Without a base, a tiny model with random weights is used, since only what depends on the corpus matters. */
export async function measureEvaluation(
  files: number,
  basePath: string | undefined,
  work: string,
): Promise<void> {
  const base = basePath ?? join(work, 'tiny.gguf');
  if (!basePath) await writeTinyModel(base, { seed: 5 });
  const home = join(work, 'home');
  await mkdir(home);
  for (const shared of [runtimeDir(), cacheDir(), modelsDir()])
    if (existsSync(shared)) await symlink(shared, join(home, basename(shared)), 'junction');
  process.env['FORGET_ME_NOT_HOME'] = home;
  const small = await peak(await makeRun(base, SMALL, work));
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
  const lines = Array.from({ length: LINES }, (_, line) =>
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
