/**
 * Strips local paths from what is sent: a path is reduced to its last component, which is all that a worker needs (a
 * folder's name is its repository name in prompts; the driver fills in the base's path on its node).
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename } from 'node:path';
import type { z } from 'zod';
import { dataDir } from '../platform/files/paths.ts';
import { runSpecSchema, type RunSpec } from '../protocol/run.ts';
import { sweepSpecSchema, type SweepSpec } from '../protocol/sweep.ts';
import { withoutPath } from '../sharing/shareable.ts';
import type { PackedFile } from './zip.ts';

const specs: Readonly<Record<string, z.ZodType<RunSpec | SweepSpec>>> = {
  'run.json': runSpecSchema,
  'sweep.json': sweepSpecSchema,
};

/** The settings of a run or sweep are in its own folder. */
const schemaFor = (name: string) => specs[/^[^/]+\/([^/]+)$/.exec(name)?.[1] ?? ''];

/** Strips paths from files of runs and sweeps, whose names begin with the folder's. Errors: those of reading them. */
export async function stripPaths(files: readonly PackedFile[]): Promise<PackedFile[]> {
  const paths = [dataDir(), homedir()];
  const stripped: PackedFile[] = [];
  // Paths in the settings are also replaced in all other texts.
  for (const file of files.filter(({ name }) => schemaFor(name))) {
    const spec = schemaFor(file.name)!.parse(JSON.parse(await readContents(file)));
    paths.push(...foldersIn(spec), spec.base.path);
    stripped.push({
      name: file.name,
      from: Buffer.from(`${JSON.stringify(stripSpecPaths(spec), null, 2)}\n`),
    });
  }
  const replacements = replacementsFor(paths);
  for (const file of files.filter(({ name }) => !schemaFor(name)))
    stripped.push(/\.jsonl?$/.test(file.name) ? await stripText(file, replacements) : file);
  return stripped;
}

const readContents = async ({ from }: PackedFile): Promise<string> =>
  Buffer.isBuffer(from) ? from.toString('utf8') : readFile(from, 'utf8');

const foldersIn = ({ folder, folders = [] }: RunSpec | SweepSpec) => [
  folder,
  ...folders.map(({ path }) => path),
];

function stripSpecPaths(spec: RunSpec | SweepSpec): object {
  const { folder, folders, base, corpus } = spec;
  const { data, replay } = corpus;
  return {
    ...spec,
    folder: lastName(folder),
    ...(folders && { folders: folders.map((item) => ({ ...item, path: lastName(item.path) })) }),
    base: { ...base, path: lastName(base.path) },
    corpus: {
      ...corpus,
      ...(data !== undefined && { data: withoutPath(data) }),
      ...(replay && { replay: { ...replay, source: withoutPath(replay.source) } }),
    },
    ...('hyper' in spec && 'evaluation' in spec && stripRunOrigin(spec)),
  };
}

/** The origin, which only a run has. */
function stripRunOrigin({ imported, fetched }: RunSpec): Partial<RunSpec> {
  return {
    ...(imported && {
      imported: {
        ...imported,
        from: withoutPath(imported.from),
        ...(imported.base !== undefined && { base: withoutPath(imported.base) }),
      },
    }),
    ...(fetched && { fetched: { ...fetched, from: withoutPath(fetched.from) } }),
  };
}

/** Never empty if there is a path, because an empty folder means that there is none. */
const lastName = (path: string): string => basename(path) || path;

/**
 * A pattern for each path in JSON and its replacement, longest first, because most folders are inside the home folder.
 */
function replacementsFor(paths: readonly string[]): [place: RegExp, name: string][] {
  const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
  return [...new Set(paths)]
    .filter((place) => place.length > 1)
    .sort((a, b) => b.length - a.length)
    .map((place) => [fullPathPattern(inJson(place)), place === homedir() ? '~' : inJson(lastName(place))]);
}

/** Doesn't match inside a longer name or another path: "/a" doesn't match in "src/a.ts" or "/a-b". */
const fullPathPattern = (text: string) =>
  new RegExp(
    `(?<![\\p{L}\\p{N}_.~-])${text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}])`,
    'gu',
  );

async function stripText(
  file: PackedFile,
  replacements: [place: RegExp, name: string][],
): Promise<PackedFile> {
  const text = await readContents(file);
  const replaced = replacements.reduce((current, [place, name]) => current.replace(place, () => name), text);
  return replaced === text ? file : { name: file.name, from: Buffer.from(replaced) };
}
