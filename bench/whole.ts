/**
 * How many suggestions are shown, right, and whole: `node bench/run.mjs whole --answers FILE [--only NAME] [--json]`.
 *
 * First, what a base answers has to be recorded: `--record --base ID|FILE --regions 24 GIT:py GIT:ts GIT:go`. At random
 * keys in ten lines that are typed again in files of git repositories (whole/places.ts), as by an editor that closes
 * brackets itself. The recording is foreign code, so it is no part of this repository. The completion core then gets
 * these answers, piece by piece; tree-sitter says whether a document with the suggestion in it is whole (whole/parse.ts).
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { resolveBase } from '../src/base-models/resolve.ts';
import { Anchors } from '../src/completion/anchor.ts';
import { languageIdOf } from '../src/completion/index.ts';
import { BenchServer } from './felt/server.ts';
import { markdownTable } from './markdown.ts';
import { measure, type Figures } from './whole/measure.ts';
import { Judge, languages, type ParsedLanguage } from './whole/parse.ts';
import { placesIn } from './whole/places.ts';
import { record, type Recording } from './whole/record.ts';

const options = {
  answers: { type: 'string' },
  record: { type: 'boolean', default: false },
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  /** Of each repository. */
  regions: { type: 'string', default: '24' },
  /** Repositories whose names contain one of these, separated by commas. */
  only: { type: 'string', default: '' },
  /** Tell each suggestion that is not whole. */
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;
/** Characters. */
const LARGEST_FILE = 60_000;

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (!values.answers) throw new Error('Give --answers FILE, where answers are or will be.');
  const judge = await Judge.open('dist/grammars');
  if (values.record)
    return recordAll(values.answers, positionals, { ...values, regions: Number(values.regions) }, judge);
  const recordings = read(values.answers).filter(({ repository }) =>
    values.only.split(',').some((name) => repository.includes(name)),
  );
  const tell = (text: string) => values.trace && process.stderr.write(`${text}\n`);
  const figures: Partial<Record<ParsedLanguage, Figures>> = {};
  for (const language of languages) {
    const own = recordings.filter((one) => one.language === language);
    if (own.length > 0) figures[language] = await measure(own, judge, tell);
  }
  if (values.json) return console.log(JSON.stringify(figures));
  const rows = Object.entries(figures).map(([language, of]) => [language, ...Object.values(of).map(String)]);
  console.log(markdownTable(['', ...Object.keys(Object.values(figures)[0] ?? {})], rows).join('\n'));
}

/** Goes on where an earlier recording was interrupted. Region by region of all, so that there are some of each. */
async function recordAll(
  file: string,
  repositories: readonly string[],
  { base, regions }: { base: string; regions: number },
  judge: Judge,
): Promise<void> {
  const done = new Set(existsSync(file) ? read(file).map(keyOf) : []);
  const all = repositories.map((one) => {
    const [git, extension] = one.split(':') as [string, string];
    const language = languageIdOf(`a.${extension}`) as ParsedLanguage;
    const places = placesIn(filesOf(git, extension), regions, (text) => judge.parses(language, text));
    return { repository: git, language, places };
  });
  const { path } = await resolveBase(base);
  const server = await BenchServer.start(path, ['--context', '2048', '--timeout', '3600', '--threads', '1']);
  try {
    for (let region = 0; region < regions; region += 1)
      for (const { repository, language, places } of all) {
        const anchors = new Anchors();
        for (const place of places[region] ?? []) {
          const one = { repository, language, ...place };
          if (done.has(keyOf(one))) continue;
          const recording: Recording = { ...one, pieces: await record(server, anchors, place) };
          appendFileSync(file, `${JSON.stringify(recording)}\n`);
        }
      }
  } finally {
    server.end();
  }
}

const keyOf = ({ repository, document }: Pick<Recording, 'repository' | 'document'>) =>
  `${repository} ${document.path} ${document.before.length}`;

const read = (file: string): Recording[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recording);

/** The newest files of a repository in a language, by git. */
function filesOf(folder: string, extension: string): { path: string; text: string }[] {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return git('ls-tree', '-r', '--name-only', 'HEAD')
    .split('\n')
    .filter((path) => path.endsWith(`.${extension}`) && !path.endsWith('.d.ts'))
    .map((path) => ({ path, text: git('show', `HEAD:${path}`) }))
    .filter(({ text }) => text.length < LARGEST_FILE && !text.includes('\r'));
}
