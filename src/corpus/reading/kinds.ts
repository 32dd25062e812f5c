/** What of a workspace a file is: figures of learning are of code; prose and data are learned beside it. */
import {
  extensionOf,
  nameOf,
  settingExtensions,
  tableExtensions,
  translationExtensions,
  wordSet,
} from './names.ts';

/** The first of them that a corpus has is what is measured in it. */
export const kinds = ['code', 'prose', 'data'] as const;
export type Kind = (typeof kinds)[number];

const proseExtensions = wordSet(`
  md markdown mdx rst adoc asciidoc org txt text tex textile rdoc pod wiki creole
`);
/** Without an extension, or with one that is none: "CHANGES", "LICENSE-MIT". */
const proseName =
  /^(?:readme|changelog|changes|history|news|licen[cs]e|copying|copyright|authors|contributors|contributing|maintainers|notice|todo|thanks|credits|patents|code_of_conduct)\b[^.]*$/;
const dataExtensions = new Set([
  ...settingExtensions,
  ...tableExtensions,
  ...translationExtensions,
  ...wordSet('edn tfvars lock svg'),
]);
/** Names whose extension says something else. */
const byName: Record<string, Kind> = {
  'cmakelists.txt': 'code',
  'meson_options.txt': 'code',
  'robots.txt': 'data',
  procfile: 'data',
};

/** By the path alone. What is neither prose nor data for sure is code, as are rows of a data set ("row 12"). */
export function kindOf(path: string): Kind {
  const name = nameOf(path).toLowerCase();
  const known = byName[name];
  if (known) return known;
  if (/^requirements.*\.txt$/.test(name)) return 'data';
  const extension = extensionOf(name);
  if (proseExtensions.has(extension) || proseName.test(name)) return 'prose';
  return dataExtensions.has(extension) ? 'data' : 'code';
}

/** The kind that is measured: code where there is some. Undefined where there is nothing. */
export const measuredKind = (has: (kind: Kind) => boolean): Kind | undefined => kinds.find(has);
