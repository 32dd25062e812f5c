/** Chooses a data set's files to train on, by the naming conventions of hub data sets. */

/** No file matches, or several configurations do. `message` follows the data set's name. */
export class NoSuchFiles extends Error {
  override readonly name = 'NoSuchFiles';
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}

const dataFile = /\.(?:parquet|(?:jsonl|ndjson|json)(?:\.gz)?)$/i;
/** Files that tools put next to the data. */
const notDataFile =
  /(?:^|\/)(?:dataset_infos?|dataset_dict|state|config|package|tsconfig)\.json$|(?:^|\/)\./i;

export const isDataFile = (path: string): boolean => dataFile.test(path) && !notDataFile.test(path);

/** The hub's rule for splits: these words anywhere in a path, not adjacent to letters. */
const splits: [name: string, words: RegExp][] = [
  ['train', /(?<![a-z])train(?:ing)?(?![a-z])/i],
  ['validation', /(?<![a-z])(?:validation|valid|val|dev)(?![a-z])/i],
  ['test', /(?<![a-z])(?:test|testing|eval|evaluation)(?![a-z])/i],
];
const detectSplit = (path: string) => splits.find(([, words]) => words.test(path))?.[0];

/**
 * The file named `selector`, else the training files of the folder with that name, else the files of the split with
 * that name. By default, the training files of all folders. If no name contains a split, all files are for training.
 * Throws NoSuchFiles.
 */
export function chooseFiles(paths: readonly string[], selector: string | undefined): string[] {
  const all = [...paths].sort();
  if (all.length === 0)
    throw new NoSuchFiles(
      'contains no .jsonl, .json or .parquet file',
      'Choose a data set in one of these formats.',
    );
  if (selector !== undefined && all.includes(selector)) return [selector];
  const folder = selector?.replace(/\/*$/, '/') ?? '';
  const inFolder = all.filter((path) => path.startsWith(folder));
  const training = trainingFiles(inFolder);
  const ofSplit = () => (inFolder.length ? inFolder : all).filter(isOfSplit(selector));
  const candidates = preferOneFormat(training.length ? training : ofSplit());
  if (candidates.length === 0)
    throw new NoSuchFiles(
      selector === undefined ? 'has no training split' : 'does not exist',
      `It has: ${listNames([...new Set(all.flatMap(availableNames))])}.`,
    );
  const configurations = [...new Set(candidates.map(configurationName))];
  if (configurations.length < 2) return candidates;
  // If there are files at the top level, they are the data set, and those in folders are not.
  if (configurations.includes('')) return candidates.filter((path) => configurationName(path) === '');
  throw new NoSuchFiles('contains several sets', `Name one of them: ${listNames(configurations)}.`);
}

/** The files of the training split or, if there are no splits, all. */
const trainingFiles = (paths: string[]): string[] =>
  paths.some(detectSplit) ? paths.filter((path) => detectSplit(path) === 'train') : paths;

/** Whether a file is of the split that `name` names, such as "dev"; a name that only contains one names none. */
const isOfSplit = (name = '') => {
  const split = /^[a-z]+\/*$/i.test(name) ? detectSplit(name) : undefined;
  return (path: string) => split !== undefined && detectSplit(path) === split;
};

/** A data set may exist in two formats: choose one. */
function preferOneFormat(paths: string[]): string[] {
  for (const format of [/\.parquet$/i, /\.(?:jsonl|ndjson)(?:\.gz)?$/i])
    if (paths.some((path) => format.test(path))) return paths.filter((path) => format.test(path));
  return paths;
}

/** The name of a file's configuration: its folders without those of splits. */
const configurationName = (path: string) =>
  path
    .split('/')
    .slice(0, -1)
    .filter((name) => !detectSplit(name))
    .join('/');

const availableNames = (path: string) =>
  [configurationName(path), detectSplit(path)].filter((name): name is string => Boolean(name));

const listNames = (names: string[]) => names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
