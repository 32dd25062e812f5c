/**
 * Whether default runs help: trains a default run on each of several public repositories that nothing was tuned on
 * (gain/repositories.ts) and measures completions, held-out text and HumanEval before and after.
 *
 *     npm run bench:gain                          # two to three hours; continues where it stopped
 *     npm run -s bench:gain -- --json             # one line of JSON
 *     npm run bench:gain -- --only NAME           # one repository; --tuning: the ones that defaults may be tuned on
 *     npm run bench:gain -- --folder PATH         # a folder of your own instead
 *     npm run bench:gain -- -- --lr 3e-5          # with further options of train
 */
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError, formatError } from '../src/protocol/errors.ts';
import { dataDir } from '../src/protocol/paths.ts';
import { commandLine } from './gain/command-line.ts';
import { fetchRepository } from './gain/fetch.ts';
import { gainOf, type Measured } from './gain/figures.ts';
import { fullBase, measure, type GainOptions, type Subject } from './gain/measure.ts';
import { repositories, repositoriesNamed, type Repository } from './gain/repositories.ts';
import { lineOf, tableOf } from './gain/table.ts';

export async function main(args: string[]): Promise<void> {
  const { options, chosen, json } = parse(args);
  const stop = new AbortController();
  const onInterrupt = () => stop.abort(STOPPED);
  process.once('SIGINT', onInterrupt).once('SIGTERM', onInterrupt);
  try {
    await commandLine(dataDir(), ['runtime', 'install', '--yes'], stop.signal);
    const measured: Measured[] = [];
    const missing: string[] = [];
    for (const one of chosen) {
      try {
        const found = await measure(await one.subject(stop.signal), options, { signal: stop.signal, tell });
        measured.push(found);
        tell(lineOf(gainOf([found]).perRepository[0]!));
      } catch (error) {
        if (stop.signal.aborted) throw stop.signal.reason;
        // The figures of the others are still useful.
        tell(`${one.name} could not be measured. ${formatError(error)}`);
        missing.push(one.name);
      }
    }
    const gain = gainOf(measured);
    if (json) console.log(JSON.stringify({ ...gain, ...(missing.length > 0 && { missing }) }));
    else console.log(tableOf(gain));
    if (missing.length > 0) process.exitCode = 1;
  } finally {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onInterrupt);
  }
}

const STOPPED = new UserError(
  'cancelled',
  'The benchmark was stopped.',
  'Give the same command again: it continues where it stopped.',
);
const tell = (text: string) => process.stderr.write(`${text}\n`);

interface Chosen {
  name: string;
  /** Fetches the repository unless it is cached. */
  subject(signal: AbortSignal): Promise<Subject>;
}

function parse(args: string[]): { options: GainOptions; chosen: Chosen[]; json: boolean } {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values } = parseArgs({
    args: args.slice(0, end),
    options: {
      base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
      minutes: { type: 'string', default: '10' },
      cursors: { type: 'string', default: '60' },
      problems: { type: 'string', default: '164' },
      only: { type: 'string', multiple: true, default: [] },
      folder: { type: 'string', multiple: true, default: [] },
      tuning: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const { base, minutes, cursors, problems, only, folder, tuning, json } = values;
  const named = folder.length > 0 ? folder.map(ofFolder) : choose(only, tuning).map(ofRepository);
  return {
    options: {
      base: fullBase(base),
      minutes: positive('minutes', minutes),
      cursors: positive('cursors', cursors),
      problems: positive('problems', problems),
      train: args.slice(end + 1),
    },
    chosen: named,
    json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UserError('bad-argument', `--${name} must be a number above 0.`, 'Give such a number.');
}

function choose(only: readonly string[], tuning: boolean): readonly Repository[] {
  const use = tuning ? 'tuning' : 'report';
  return only.length > 0 ? repositoriesNamed(only) : repositories.filter((one) => one.use === use);
}

const ofRepository = (repository: Repository): Chosen => ({
  name: repository.name,
  subject: async (signal) => {
    const { name, language, sha256 } = repository;
    return { name, language, id: sha256, folder: await fetchRepository(repository, { signal, tell }) };
  },
});

const ofFolder = (path: string): Chosen => {
  const folder = resolve(path);
  const name = basename(folder);
  return { name, subject: () => Promise.resolve({ name, language: 'own folder', folder, id: folder }) };
};
