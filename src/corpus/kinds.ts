/** The kind of a file: metrics are about code; prose and data are only learned. */
import {
  fileExtension,
  fileName,
  settingExtensions,
  tableExtensions,
  translationExtensions,
  toWordSet,
} from './names.ts';

/** The first kind that a corpus contains is the one that is measured. */
export const kinds = ['code', 'prose', 'data'] as const;
export type Kind = (typeof kinds)[number];

const proseExtensions = toWordSet(`
  md markdown mdx rst adoc asciidoc org txt text tex textile rdoc pod wiki creole
`);
/** Names without an extension: "CHANGES", "LICENSE-MIT". */
const proseName =
  /^(?:readme|changelog|changes|history|news|licen[cs]e|copying|copyright|authors|contributors|contributing|maintainers|notice|todo|thanks|credits|patents|code_of_conduct)\b[^.]*$/;
const dataExtensions = new Set([
  ...settingExtensions,
  ...tableExtensions,
  ...translationExtensions,
  ...toWordSet('edn tfvars lock svg ipynb'),
]);
/** Names whose extension is misleading. */
const byName: Record<string, Kind> = {
  'cmakelists.txt': 'code',
  'meson_options.txt': 'code',
  'robots.txt': 'data',
  procfile: 'data',
};

/** Judges by the path alone. What is not clearly prose or data is code, as are rows of a data set ("row 12"). */
export function kindOf(path: string): Kind {
  const name = fileName(path).toLowerCase();
  const known = byName[name];
  if (known) return known;
  if (/^requirements.*\.txt$/.test(name)) return 'data';
  const extension = fileExtension(name);
  if (proseExtensions.has(extension) || proseName.test(name)) return 'prose';
  return dataExtensions.has(extension) ? 'data' : 'code';
}

/** The kind that is measured: the first in `kinds` that exists. Undefined if there is none. */
export const measuredKind = (has: (kind: Kind) => boolean): Kind | undefined => kinds.find(has);
