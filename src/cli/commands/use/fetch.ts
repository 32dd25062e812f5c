import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { examine } from '../../../base-models/checksums.ts';
import { parseHubReference } from '../../../base-models/hub.ts';
import { findSameBase, knownBases } from '../../../base-models/registry.ts';
import { UserError } from '../../../text/errors.ts';
import type { RunSpec } from '../../../protocol/run.ts';
import { sharedLabel, type SharedManifest } from '../../../protocol/sharing.ts';
import { listRuns } from '../../../runs/index.ts';
import {
  fetchAdapter,
  findPublished,
  requireBaseOf,
  type FoundAdapter,
} from '../../../sharing/fetch-adapter.ts';
import { openStore } from '../../../sharing/stores/open-store.ts';
import type { Store } from '../../../sharing/stores/store.ts';
import { requireConfirmed } from '../../confirm.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { version } from '../../version.ts';
import { fileSize, formatTable } from '../../view/format.ts';
import { print, printJson } from '../../view/output.ts';
import { withProgress } from '../../view/progress.ts';

interface Options {
  from: string;
  base?: string;
  sha256?: string;
  yes?: boolean;
  json?: boolean;
}

export function fetchCommand(): Command {
  return new Command('fetch')
    .description('fetch a published adapter as a run, to measure, compare, serve and export it')
    .argument('[name]', 'NAME or NAME@VERSION; without it, lists what is there')
    .requiredOption('--from <place>', 'a folder, s3://bucket/prefix, or hub:owner/name')
    .option('--base <base>', 'the base that it was trained on (default: found by its checksum)')
    .option('--sha256 <digest>', 'accept it only if its manifest has this checksum, as printed by publish')
    .option('--yes', 'download without asking')
    .option('--json', 'print the new run as JSON')
    .action(runFetch);
}

async function runFetch(wanted: string | undefined, options: Options): Promise<void> {
  const store = await openStore(options.from);
  if (wanted === undefined) return list(store, options);
  const [, name = '', number] = /^([\w.-]+?)(?:@(\d+))?$/.exec(wanted) ?? [];
  if (!name)
    throw new UserError(
      'bad-argument',
      `"${wanted}" is not NAME or NAME@VERSION.`,
      'Write, for example, parser@2.',
    );
  const { sha256, json } = options;
  const found = await findPublished({ store, name, sha256, version: number ? Number(number) : undefined });
  const { manifest, known } = found;
  if (known) {
    if (json) return printJson({ run: known, already: true });
    return print(`${sharedLabel(manifest)} is here already, as run ${known}.`);
  }
  const base = await findBase(manifest, options);
  requireBaseOf(manifest, base);
  const text = describeDownload(found, store.label);
  await requireConfirmed(text, options, 'Nothing was fetched', 'Run it again to fetch it.');
  const { dir, id } = await withProgress({ json }, (show, signal) =>
    fetchAdapter(store, found, {
      base,
      signal,
      versions: { 'forget-me-not': version, node: process.version },
      onBytes: (done, total) => show({ phase: 'downloading', what: store.label, done, total }),
    }),
  );
  if (json) return printJson({ run: id, dir, name, version: manifest.version, newest: found.newest });
  print(
    `Run ${id}: ${sharedLabel(manifest)}, for ${base.id}.${manifest.sentence ? ` Its publisher says: ${manifest.sentence}` : ''}`,
    newerVersionNote(found),
    `Use it: forget-me-not serve --run ${id}`,
  );
}

async function list(store: Store, { json }: Options): Promise<void> {
  const names = await store.names();
  const all = await Promise.all(names.map(async (name) => ({ name, versions: await store.versions(name) })));
  if (json) return printJson({ adapters: all });
  if (all.length === 0) return print(`${store.label} has no adapters.`);
  const rows = all.map(({ name, versions }) => [name, versions.join(', ')]);
  print(formatTable([['adapter', 'versions'], ...rows]));
}

const describeDownload = ({ manifest, bytes, newest }: FoundAdapter, from: string): string[] => {
  const { base, licence } = manifest;
  const licences = [licence, base.licence && `its base: ${base.licence}`].filter(Boolean).join('; ');
  return [
    `${sharedLabel(manifest)} from ${from}: downloads ${fileSize(bytes)}${licences ? `, licence ${licences}` : ''}.`,
    ...(newest > manifest.version ? [`There is a newer one, version ${newest}.`] : []),
  ];
};

const newerVersionNote = ({ manifest, newest }: FoundAdapter): string[] =>
  newest > manifest.version ? [`This is an older version: the newest is ${newest}.`] : [];

/** The base on this machine: the one named by the user, that of another run, or a downloadable one. */
async function findBase({ base }: SharedManifest, options: Options): Promise<RunSpec['base']> {
  if (options.base !== undefined) return fetchBase(options.base, options);
  for (const { spec } of await listRuns()) {
    if (spec.base.sha256 !== base.sha256 || !existsSync(spec.base.path)) continue;
    if ((await examine(spec.base.path)).sha256 === base.sha256) return spec.base;
  }
  const known = knownBases.find(({ sha256 }) => sha256 === base.sha256) ?? findSameBase(base);
  const reference = known?.id ?? (parseHubReference(base.id) ? base.id : undefined);
  if (reference !== undefined) return fetchBase(reference, options);
  throw new UserError(
    'base-not-found',
    `The base ${base.id} (sha256 ${base.sha256.slice(0, 12)}) is not known on this machine.`,
    'Name its file with --base.',
  );
}
