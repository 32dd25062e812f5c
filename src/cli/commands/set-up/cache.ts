/** `cache`: lists the files kept on this machine to save time later, with their sizes, and deletes them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { UserError } from '../../../text/errors.ts';
import { totalBytes } from '../../../platform/files/disk.ts';
import { cacheDir, dataDir, modelsDir } from '../../../platform/files/paths.ts';
import { removeFolder } from '../../../platform/files/write-file.ts';
import { isAlive, listRuns, trainingNow } from '../../../runs/index.ts';
import { consent } from '../../confirm.ts';
import { fileSize, formatBytes, formatTable } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { ignoreMissing } from '../../../runs/file-mark.ts';

interface Kind {
  name: string;
  /** For people. */
  what: string;
  /** Whether an entry of the cache is of this kind; the first match counts. */
  has(entry: string): boolean;
}

const isNamed =
  (...names: string[]) =>
  (entry: string) =>
    names.includes(entry);

const cacheKinds: readonly Kind[] = [
  { name: 'prompts', what: 'what models have read of your newest prompts', has: isNamed('prompts') },
  { name: 'folded', what: 'copies of bases with a result in them', has: isNamed('folded') },
  { name: 'index', what: 'what is known of the files of workspaces', has: isNamed('index') },
  {
    name: 'data',
    what: 'downloaded data sets and benchmarks',
    has: (entry) => entry === 'datasets' || /\.jsonl\.gz$/.test(entry),
  },
  {
    name: 'scores',
    what: 'scores of models, and texts that they wrote to be measured',
    has: isNamed('evaluation', 'retention', 'replay'),
  },
  {
    name: 'downloads',
    what: 'downloads that were not finished or not used up',
    has: isNamed('wheels', 'llama'),
  },
  {
    name: 'other',
    what: 'what was measured on this machine, checksums, images of programs',
    has: () => true,
  },
];
/** Not a cache, but as large, and always downloadable again. */
const BASES = { name: 'bases', what: 'downloaded bases; deleted only if they are named' };

/** For completion only. */
const unusedByRuns: readonly string[] = ['prompts', 'folded', 'index'];

const names = [...cacheKinds, BASES].map(({ name }) => name);

interface CacheUsage {
  name: string;
  what: string;
  bytes: number;
  /** Absolute. */
  paths: string[];
}

export function cacheCommand(): Command {
  const cache = new Command('cache')
    .description('list the caches on this machine, or delete them')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: { json?: boolean }) => list(json));
  cache
    .command('clear')
    .description('delete them; runs and results stay, and what is needed is created or fetched again')
    .addArgument(new Argument('[what...]', 'only these (default: all but the bases)').choices(names))
    .option('--yes', 'delete without asking')
    .option('--json', 'print the result as JSON')
    // Both commands have --json; commander assigns it to the outer one.
    .action(async (what: string[], _: object, command: Command) =>
      clear(what, command.optsWithGlobals<{ yes?: boolean; json?: boolean }>()),
    );
  return cache;
}

async function list(json = false): Promise<void> {
  const found = await measureUsage();
  const total = sum(found);
  if (json) return printJson({ folder: cacheDir(), kinds: found, bytes: total });
  const rows = [
    ...found.map(({ name, bytes }) => [name, formatBytesShort(bytes)]),
    ['together', formatBytesShort(total)],
  ];
  print(formatTable(rows).map((line, at) => `${line}  ${found[at]?.what ?? `in ${dataDir()}`}`));
}

const formatBytesShort = (bytes: number): string => (bytes < 1e9 ? fileSize(bytes) : formatBytes(bytes));

async function clear(what: readonly string[], options: { yes?: boolean; json?: boolean }): Promise<void> {
  const wanted = what.length > 0 ? what : cacheKinds.map(({ name }) => name);
  const found = (await measureUsage()).filter(({ name, paths }) => wanted.includes(name) && paths.length > 0);
  if (found.length > 0) {
    if (!found.every(({ name }) => unusedByRuns.includes(name))) await requireIdle();
    const text = [
      `Deletes ${formatBytesShort(sum(found))}:`,
      ...found.map((entry) => `  ${entry.name}  ${formatBytesShort(entry.bytes)}  ${entry.what}`),
    ];
    await consent(text, options, 'Nothing was deleted', 'Run it again to delete it.');
    for (const path of found.flatMap(({ paths }) => paths))
      // A server may be writing into it.
      await removeFolder(path);
  }
  const deleted = found.map(({ name, bytes }) => ({ name, bytes }));
  if (options.json) return printJson({ deleted, bytes: sum(found) });
  print(found.length > 0 ? `${formatBytesShort(sum(found))} are free again.` : 'There is nothing to delete.');
}

/** Throws run-locked: a run reads its base and its data when it needs them. */
async function requireIdle(): Promise<void> {
  const running = (await listRuns()).find(({ state }) => isAlive(state));
  if (!running && !(await trainingNow())) return;
  throw new UserError(
    'run-locked',
    running
      ? `Run ${running.spec.id} is in progress, and may need what would be deleted.`
      : 'Something trains on this machine, and may need what would be deleted.',
    'Wait until it has ended, or stop it with {cancel}.',
  );
}

async function measureUsage(): Promise<CacheUsage[]> {
  const entries = await listFolder(cacheDir());
  const kindOf = (entry: string) => cacheKinds.find(({ has }) => has(entry))!;
  const cacheUsages = cacheKinds.map(async ({ name, what }): Promise<CacheUsage> => {
    const paths = entries
      .filter((entry) => kindOf(entry).name === name)
      .map((entry) => join(cacheDir(), entry));
    return { name, what, bytes: await totalBytes(paths), paths };
  });
  const bases = (await listFolder(modelsDir())).map((entry) => join(modelsDir(), entry));
  return [...(await Promise.all(cacheUsages)), { ...BASES, bytes: await totalBytes(bases), paths: bases }];
}

const listFolder = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(ignoreMissing)) ?? [];

const sum = (found: readonly CacheUsage[]): number => found.reduce((total, { bytes }) => total + bytes, 0);
