/** Chooses a data set's files to train on, by the naming conventions of hub data sets. */

/** No file fits, or several sets do. `message` follows the data set's name. */
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
const notData = /(?:^|\/)(?:dataset_infos?|dataset_dict|state|config|package|tsconfig)\.json$|(?:^|\/)\./i;

export const isDataFile = (path: string): boolean => dataFile.test(path) && !notData.test(path);

/** The hub's own rule for splits: these words anywhere in a path, with no letters next to them. */
const splits: [name: string, words: RegExp][] = [
  ['train', /(?<![a-z])train(?:ing)?(?![a-z])/i],
  ['validation', /(?<![a-z])(?:validation|valid|val|dev)(?![a-z])/i],
  ['test', /(?<![a-z])(?:test|testing|eval|evaluation)(?![a-z])/i],
];
const splitOf = (path: string) => splits.find(([, words]) => words.test(path))?.[0];

/**
 * The file named `wanted`, else the training files of the folder with that name, else the files of the split with that
 * name. By default, the training files of all folders. If no name contains a split, all files are for training.
 * Throws NoSuchFiles.
 */
export function chooseFiles(paths: readonly string[], wanted: string | undefined): string[] {
  const all = [...paths].sort();
  if (all.length === 0)
    throw new NoSuchFiles(
      'contains no .jsonl, .json or .parquet file',
      'Choose a data set in one of these formats.',
    );
  if (wanted !== undefined && all.includes(wanted)) return [wanted];
  const folder = wanted?.replace(/\/*$/, '/') ?? '';
  const under = all.filter((path) => path.startsWith(folder));
  const split = under.length ? undefined : wanted;
  const candidates = ofOneFormat(ofSplit(under.length ? under : all, split));
  if (candidates.length === 0)
    throw new NoSuchFiles(
      wanted === undefined ? 'has no training split' : 'does not exist',
      `It has: ${some([...new Set(all.flatMap(namesOf))])}.`,
    );
  const sets = [...new Set(candidates.map(setOf))];
  if (sets.length < 2) return candidates;
  // If there are files at the top, they are the data set, and those in folders are not.
  if (sets.includes('')) return candidates.filter((path) => setOf(path) === '');
  throw new NoSuchFiles('contains several sets', `Name one of them: ${some(sets)}.`);
}

/** Files of the split; by default of the training split or, without any splits, all. */
function ofSplit(paths: string[], split: string | undefined): string[] {
  const found = paths.filter((path) => splitOf(path) === (split ?? 'train'));
  return found.length || split !== undefined || paths.some(splitOf) ? found : paths;
}

/** A data set may exist twice, in two formats: take one. */
function ofOneFormat(paths: string[]): string[] {
  for (const format of [/\.parquet$/i, /\.(?:jsonl|ndjson)(?:\.gz)?$/i])
    if (paths.some((path) => format.test(path))) return paths.filter((path) => format.test(path));
  return paths;
}

/** The name of a file's set (configuration): its folders without those of splits. */
const setOf = (path: string) =>
  path
    .split('/')
    .slice(0, -1)
    .filter((name) => !splitOf(name))
    .join('/');

const namesOf = (path: string) =>
  [setOf(path), splitOf(path)].filter((name): name is string => Boolean(name));

const some = (names: string[]) => names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
