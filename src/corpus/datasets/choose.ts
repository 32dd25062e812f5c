/** Which of a data set's files to train on, by the names that hub data sets go by. */

/** Nothing fits, or too much. `message` follows the data set's name. */
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
/** What tools put beside the data. */
const notData = /(?:^|\/)(?:dataset_infos?|dataset_dict|state|config|package|tsconfig)\.json$|(?:^|\/)\./i;

export const isDataFile = (path: string): boolean => dataFile.test(path) && !notData.test(path);

/** As the hub itself tells splits: by these words anywhere in a path, between other than letters. */
const splits: [name: string, words: RegExp][] = [
  ['train', /(?<![a-z])train(?:ing)?(?![a-z])/i],
  ['validation', /(?<![a-z])(?:validation|valid|val|dev)(?![a-z])/i],
  ['test', /(?<![a-z])(?:test|testing|eval|evaluation)(?![a-z])/i],
];
const splitOf = (path: string) => splits.find(([, words]) => words.test(path))?.[0];

/**
 * The file that is `wanted`, else the training files of the folder of that name, else the files of the split of that
 * name; of all folders where nothing is wanted. Without any split in their names, all files are for training.
 * Throws NoSuchFiles.
 */
export function chooseFiles(paths: readonly string[], wanted: string | undefined): string[] {
  const all = [...paths].sort();
  if (all.length === 0)
    throw new NoSuchFiles(
      'holds no .jsonl, .json or .parquet file',
      'Choose a data set in one of these formats.',
    );
  if (wanted !== undefined && all.includes(wanted)) return [wanted];
  const folder = wanted?.replace(/\/*$/, '/') ?? '';
  const under = all.filter((path) => path.startsWith(folder));
  const split = under.length ? undefined : wanted;
  const candidates = ofOneFormat(ofSplit(under.length ? under : all, split));
  if (candidates.length === 0)
    throw new NoSuchFiles(
      wanted === undefined ? 'has no training split' : 'is not there',
      `It has: ${some([...new Set(all.flatMap(namesOf))])}.`,
    );
  const sets = [...new Set(candidates.map(setOf))];
  if (sets.length < 2) return candidates;
  // What lies at the top is the data set; what lies deeper beside it is not.
  if (sets.includes('')) return candidates.filter((path) => setOf(path) === '');
  throw new NoSuchFiles('holds several sets', `Name one of them: ${some(sets)}.`);
}

/** Files of the split, by default the training split or, where there are no splits, all. */
function ofSplit(paths: string[], split: string | undefined): string[] {
  const found = paths.filter((path) => splitOf(path) === (split ?? 'train'));
  return found.length || split !== undefined || paths.some(splitOf) ? found : paths;
}

/** A data set may be there twice, in two formats. */
function ofOneFormat(paths: string[]): string[] {
  for (const format of [/\.parquet$/i, /\.(?:jsonl|ndjson)(?:\.gz)?$/i])
    if (paths.some((path) => format.test(path))) return paths.filter((path) => format.test(path));
  return paths;
}

/** What configurations are told apart by: the folder, where it is not the split's own. */
const setOf = (path: string) =>
  path
    .split('/')
    .slice(0, -1)
    .filter((name) => !splitOf(name))
    .join('/');

const namesOf = (path: string) =>
  [setOf(path), splitOf(path)].filter((name): name is string => Boolean(name));

const some = (names: string[]) => names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
