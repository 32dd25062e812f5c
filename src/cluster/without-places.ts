/**
 * What is sent says nothing of where things are on this machine: a place becomes its last name, which is all that a
 * worker needs (a folder's name is its repository's in prompts; the driver puts in the base's place on its node).
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

/** The settings of a run or sweep lie in its own folder. */
const schemaOf = (name: string) => specs[/^[^/]+\/([^/]+)$/.exec(name)?.[1] ?? ''];

/** Files of runs and sweeps, their names beginning with that of the folder. Errors: those of reading them. */
export async function withoutPlaces(files: readonly PackedFile[]): Promise<PackedFile[]> {
  const places = [dataDir(), homedir()];
  const told: PackedFile[] = [];
  // What the settings name is looked for in all other texts, too.
  for (const file of files.filter(({ name }) => schemaOf(name))) {
    const spec = schemaOf(file.name)!.parse(JSON.parse(await textOf(file)));
    places.push(...foldersIn(spec), spec.base.path);
    told.push({
      name: file.name,
      from: Buffer.from(`${JSON.stringify(specWithoutPlaces(spec), null, 2)}\n`),
    });
  }
  const named = namesOf(places);
  for (const file of files.filter(({ name }) => !schemaOf(name)))
    told.push(/\.jsonl?$/.test(file.name) ? await textWithout(file, named) : file);
  return told;
}

const textOf = async ({ from }: PackedFile): Promise<string> =>
  Buffer.isBuffer(from) ? from.toString('utf8') : readFile(from, 'utf8');

const foldersIn = ({ folder, folders = [] }: RunSpec | SweepSpec) => [
  folder,
  ...folders.map(({ path }) => path),
];

function specWithoutPlaces(spec: RunSpec | SweepSpec): object {
  const { folder, folders, base, corpus } = spec;
  const { data, replay } = corpus;
  return {
    ...spec,
    folder: nameOf(folder),
    ...(folders && { folders: folders.map((one) => ({ ...one, path: nameOf(one.path) })) }),
    base: { ...base, path: nameOf(base.path) },
    corpus: {
      ...corpus,
      ...(data !== undefined && { data: withoutPath(data) }),
      ...(replay && { replay: { ...replay, source: withoutPath(replay.source) } }),
    },
    ...('hyper' in spec && 'evaluation' in spec && ofRun(spec)),
  };
}

/** What only a run has: where it came from. */
function ofRun({ imported, fetched }: RunSpec): Partial<RunSpec> {
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

/** Never empty where there is a place, because an empty folder means that there is none. */
const nameOf = (path: string): string => basename(path) || path;

/** How to find each place in JSON, and its name; the longest first, as a folder is mostly within the home folder. */
function namesOf(places: readonly string[]): [place: RegExp, name: string][] {
  const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
  return [...new Set(places)]
    .filter((place) => place.length > 1)
    .sort((a, b) => b.length - a.length)
    .map((place) => [wholePath(inJson(place)), place === homedir() ? '~' : inJson(nameOf(place))]);
}

/** Not within a longer name or another path: "/a" is not in "src/a.ts", nor in "/a-b". */
const wholePath = (text: string) =>
  new RegExp(
    `(?<![\\p{L}\\p{N}_.~-])${text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}])`,
    'gu',
  );

async function textWithout(file: PackedFile, named: [place: RegExp, name: string][]): Promise<PackedFile> {
  const text = await textOf(file);
  const after = named.reduce((so, [place, name]) => so.replace(place, () => name), text);
  return after === text ? file : { name: file.name, from: Buffer.from(after) };
}
