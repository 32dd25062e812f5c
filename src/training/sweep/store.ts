/**
 * Sweeps on disk: sweeps/<id>/ with sweep.json (the settings), trials.jsonl (a line for each finished trial), corpus/.
 */
import { randomBytes } from 'node:crypto';
import { appendFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../text/errors.ts';
import { foldersFormat } from '../../protocol/folders.ts';
import { parseLines } from '../../platform/files/lines.ts';
import { sweepsDir } from '../../platform/files/paths.ts';
import {
  SWEEP_FORMAT,
  sweepLineSchema,
  sweepSpecSchema,
  type SweepLine,
  type SweepSpec,
} from '../../protocol/sweep.ts';
import { renamePatiently, writeByRename } from '../../platform/files/write-file.ts';
import { createFolder, findFolder, folderNames, refuseNewer, timeStamp } from '../../runs/index.ts';
import { concludeSweep } from './choice.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { ignoreMissing } from '../../runs/file-mark.ts';

export interface Sweep {
  dir: string;
  spec: SweepSpec;
  /** In the order in which they were measured. */
  lines: SweepLine[];
}

export type NewSweep = Omit<SweepSpec, 'format' | 'id' | 'createdAt'>;

const specPath = (dir: string) => join(dir, 'sweep.json');
const trialsPath = (dir: string) => join(dir, 'trials.jsonl');
export const sweepCorpusDir = (dir: string) => join(dir, 'corpus');

/** Creates the folder of a sweep atomically, and moves the corpus at `corpus` into it. */
export async function createSweep(newSweep: NewSweep, corpus: string): Promise<Sweep> {
  const now = new Date();
  const specOf = (id: string) =>
    sweepSpecSchema.parse({ format: foldersFormat(newSweep), id, createdAt: now.toISOString(), ...newSweep });
  const dir = await createFolder(
    sweepsDir(),
    () => [timeStamp(now), 'sweep', randomBytes(3).toString('hex')].join('-'),
    async (temporary, id) => {
      await writeByRename(specPath(temporary), `${JSON.stringify(specOf(id), null, 2)}\n`);
      await renamePatiently(corpus, sweepCorpusDir(temporary));
    },
  );
  return { dir, spec: specOf(basename(dir)), lines: [] };
}

/** Errors: run-damaged if sweep.json can't be read, run-newer. Broken lines of trials.jsonl are skipped. */
export async function readSweep(dir: string): Promise<Sweep> {
  let json: unknown;
  try {
    json = JSON.parse(await readText(specPath(dir)));
  } catch (error) {
    throw damaged(dir, (error as Error).message);
  }
  refuseNewer(dir, json, SWEEP_FORMAT);
  const parsed = sweepSpecSchema.safeParse(json);
  if (!parsed.success) throw damaged(dir, parsed.error.issues[0]?.message ?? 'unexpected shape');
  const text = (await readText(trialsPath(dir)).catch(ignoreMissing)) ?? '';
  return { dir, spec: parsed.data, lines: parseLines(sweepLineSchema, text).values };
}

const damaged = (dir: string, why: string) =>
  new UserError(
    'run-damaged',
    `Sweep ${basename(dir)} can't be read (${why}).`,
    `Delete the folder ${dir} and start a new sweep.`,
  );

/** Adds a line. First ends the partial line of a killed process, so that it is skipped as broken. */
export async function appendLine(sweep: Sweep, line: SweepLine): Promise<void> {
  const path = trialsPath(sweep.dir);
  const before = await readText(path).catch(() => '');
  const end = before && !before.endsWith('\n') ? '\n' : '';
  await appendFile(path, `${end}${JSON.stringify(line)}\n`);
  sweep.lines.push(line);
}

/** A text that changes whenever a sweep is added, continued or deleted; "" if there is none. */
export async function sweepsState(): Promise<string> {
  const ids = (await folderNames(sweepsDir())).sort();
  const sizes = ids.map((id) =>
    stat(trialsPath(join(sweepsDir(), id))).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).map((size, at) => `${ids[at]} ${size}`).join('\n');
}

/** All readable sweeps, newest first. */
export async function listSweeps(): Promise<Sweep[]> {
  const sweeps: Sweep[] = [];
  for (const id of await folderNames(sweepsDir())) {
    // An unreadable sweep must not hide the others.
    const sweep = await readSweep(join(sweepsDir(), id)).catch(() => undefined);
    if (sweep) sweeps.push(sweep);
  }
  return sweeps.sort((a, b) => Date.parse(b.spec.createdAt) - Date.parse(a.spec.createdAt));
}

/** A sweep by its id, a prefix of one, or `latest`. Errors: run-not-found. */
export const findSweep = async (ref: string): Promise<Sweep> =>
  readSweep(await findFolder(sweepsDir(), ref, { kind: 'sweep', start: 'Start one with {sweep}.' }));

/** The newest unfinished sweep with the same settings, to be resumed instead of starting a new one. */
export async function findUnfinished(newSweep: NewSweep): Promise<Sweep | undefined> {
  for (const sweep of await listSweeps()) {
    const { format, id, createdAt } = sweep.spec;
    // As it would be read back, without undefined values.
    const normalized: unknown = JSON.parse(
      JSON.stringify(sweepSpecSchema.parse({ ...newSweep, format, id, createdAt })),
    );
    if (!isDeepStrictEqual(sweep.spec, normalized)) continue;
    if (!concludeSweep(sweep.spec, sweep.lines).every(({ finished }) => finished)) return sweep;
  }
  return undefined;
}
