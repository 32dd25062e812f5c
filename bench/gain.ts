/**
 * Measures whether default runs help: trains one on each of several public repositories that nothing was tuned on
 * (gain/repositories.ts) and compares completions, held-out text and HumanEval before and after. As a control, an
 * adapter of another repository in the same language is measured at the same cursors.
 *
 *     npm run bench:gain                          # about five hours; continues where it stopped
 *     npm run -s bench:gain -- --json             # one line of JSON
 *     npm run bench:gain -- --only NAME           # one repository; --tuning: those that defaults may be tuned on
 *     npm run bench:gain -- --only NAME --seeds 5 # the noise floor: how far metrics differ between seeds
 *     npm run bench:gain -- --no-foreign          # without the control
 *     npm run bench:gain -- --folder PATH         # a folder of your own instead
 *     npm run bench:gain -- -- --lr 3e-5          # with further options of train
 */
import { setMaxListeners } from 'node:events';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError, formatError } from '../src/text/errors.ts';
import { dataDir } from '../src/platform/files/paths.ts';
import { commandLine } from './gain/command-line.ts';
import { fullBase, type Subject, type Working } from './gain/default-run.ts';
import { fetchRepository } from './gain/fetch.ts';
import { gainOf, type Measured } from './gain/metrics.ts';
import { measure, type GainOptions } from './gain/measure.ts';
import { noiseOf } from './gain/noise.ts';
import { partnerOf, repositories, repositoriesNamed, type Repository } from './gain/repositories.ts';
import { lineOf, noiseTable, tableOf } from './gain/table.ts';

export async function main(args: string[]): Promise<void> {
  const { options, chosen, seeds, json } = parse(args);
  const stop = new AbortController();
  // Many answers are computed concurrently, and each adds a listener.
  setMaxListeners(0, stop.signal);
  const working = { signal: stop.signal, tell };
  const onInterrupt = () => stop.abort(STOPPED);
  process.once('SIGINT', onInterrupt).once('SIGTERM', onInterrupt);
  try {
    await commandLine(dataDir(), ['runtime', 'install', '--yes'], stop.signal);
    const measured: Measured[] = [];
    const missing: string[] = [];
    for (const repository of chosen) {
      try {
        const found = await measureChosen(repository, options, working);
        measured.push(found);
        tell(lineOf(gainOf([found]).perRepository[0]!));
      } catch (error) {
        if (stop.signal.aborted) throw stop.signal.reason;
        // The other repositories' metrics are still useful.
        tell(`${repository.name} could not be measured. ${formatError(error)}`);
        missing.push(repository.name);
      }
    }
    const gain = gainOf(measured);
    const { perRepository } = gain;
    const noise = seeds === undefined ? undefined : noiseOf(perRepository);
    const found = noise ? { perSeed: perRepository, noise } : gain;
    if (json) console.log(JSON.stringify({ ...found, ...(missing.length > 0 && { missing }) }));
    else console.log(noise ? noiseTable(perRepository, noise) : tableOf(gain));
    if (missing.length > 0) process.exitCode = 1;
  } finally {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onInterrupt);
  }
}

async function measureChosen(
  { subject, partner, seed }: Chosen,
  options: GainOptions,
  working: Working,
): Promise<Measured> {
  const own = await subject(working.signal);
  return measure(own, options, { ...working, seed, partner: await partner?.(working.signal) });
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
  /** The same for the repository of the foreign adapter. */
  partner?: ((signal: AbortSignal) => Promise<Subject>) | undefined;
  seed?: number;
}

function parse(args: string[]): {
  options: GainOptions;
  chosen: Chosen[];
  seeds: number | undefined;
  json: boolean;
} {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { values } = parseArgs({
    args: args.slice(0, end),
    options: {
      base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
      minutes: { type: 'string', default: '10' },
      cursors: { type: 'string', default: '80' },
      problems: { type: 'string', default: '164' },
      only: { type: 'string', multiple: true, default: [] },
      folder: { type: 'string', multiple: true, default: [] },
      tuning: { type: 'boolean', default: false },
      'no-foreign': { type: 'boolean', default: false },
      seeds: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { base, minutes, cursors, problems, only, folder, tuning, json } = values;
  const named =
    folder.length > 0
      ? folder.map(ofFolder)
      : choose(only, tuning).map((repository) => ofRepository(repository, !values['no-foreign']));
  const seeds = values.seeds === undefined ? undefined : integerFrom(2, 'seeds', values.seeds);
  return {
    options: {
      base: fullBase(base),
      minutes: positive('minutes', minutes),
      cursors: integerFrom(1, 'cursors', cursors),
      problems: integerFrom(0, 'problems', problems),
      train: args.slice(end + 1),
    },
    chosen: seeds === undefined ? named : ofSeeds(seeds, named),
    seeds,
    json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UserError('bad-argument', `--${name} must be a number above 0.`, 'Give such a number.');
}

function integerFrom(least: number, name: string, text: string): number {
  const value = text.trim() ? Number(text) : NaN;
  if (Number.isInteger(value) && value >= least) return value;
  throw new UserError(
    'bad-argument',
    `--${name} must be a whole number from ${least} on.`,
    'Give such a number.',
  );
}

/** The same repository with each seed; the first is the default one. */
function ofSeeds(count: number, named: readonly Chosen[]): Chosen[] {
  const [first, ...others] = named;
  if (first && others.length === 0)
    return Array.from({ length: count }, (_, seed) => ({
      ...first,
      name: `${first.name}, seed ${seed}`,
      seed,
    }));
  throw new UserError('bad-argument', '--seeds is for one repository.', 'Name one with --only or --folder.');
}

function choose(only: readonly string[], tuning: boolean): readonly Repository[] {
  const use = tuning ? 'tuning' : 'report';
  return only.length > 0
    ? repositoriesNamed(only)
    : repositories.filter((repository) => repository.use === use);
}

function ofRepository(repository: Repository, controlled: boolean): Chosen {
  const partner = controlled ? partnerOf(repository) : undefined;
  return {
    name: repository.name,
    subject: (signal) => subjectOf(repository, signal),
    partner: partner && ((signal) => subjectOf(partner, signal)),
  };
}

async function subjectOf(repository: Repository, signal: AbortSignal): Promise<Subject> {
  const { name, language, sha256 } = repository;
  return { name, language, id: sha256, folder: await fetchRepository(repository, { signal, tell }) };
}

const ofFolder = (path: string): Chosen => {
  const folder = resolve(path);
  const name = basename(folder);
  return { name, subject: () => Promise.resolve({ name, language: 'own folder', folder, id: folder }) };
};
