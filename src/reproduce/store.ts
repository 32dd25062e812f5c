/** Reproductions on disk: reproductions/<id>/ with plan.json, results.json, claims.json, report.md and the corpora. */
import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { UserError } from '../text/errors.ts';
import { reproductionsDir } from '../platform/files/paths.ts';
import {
  REPRODUCTION_FORMAT,
  claimResultSchema,
  reproductionSpecSchema,
  reproductionStateSchema,
  type ClaimResult,
  type ReproductionSpec,
  type ReproductionState,
} from '../protocol/reproduction.ts';
import { renamePatiently, writeByRename } from '../platform/files/write-file.ts';
import { createFolder, findFolder, folderNames, refuseNewer, timeStamp } from '../runs/index.ts';
import { readText } from '../platform/files/regular-file.ts';

export interface Reproduction {
  dir: string;
  spec: ReproductionSpec;
  state: ReproductionState;
}

type NewReproduction = Omit<ReproductionSpec, 'format' | 'id' | 'createdAt'>;

export const corpusDir = (dir: string) => join(dir, 'corpus');
export const instructDir = (dir: string) => join(dir, 'corpus-instruct');
export const reportPath = (dir: string) => join(dir, 'report.md');
const claimsPath = (dir: string) => join(dir, 'claims.json');

const asText = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Creates the folder atomically, and moves the corpus at `corpus` into it. */
export async function createReproduction(
  newReproduction: NewReproduction,
  corpus: string,
): Promise<Reproduction> {
  const now = new Date();
  const specOf = (id: string) =>
    reproductionSpecSchema.parse({
      format: REPRODUCTION_FORMAT,
      id,
      createdAt: now.toISOString(),
      ...newReproduction,
    });
  const dir = await createFolder(
    reproductionsDir(),
    () => [timeStamp(now), 'reproduce', randomBytes(3).toString('hex')].join('-'),
    async (temporary, id) => {
      await writeByRename(join(temporary, 'plan.json'), asText(specOf(id)));
      await renamePatiently(corpus, corpusDir(temporary));
    },
  );
  return { dir, spec: specOf(basename(dir)), state: reproductionStateSchema.parse({}) };
}

export const writeState = (dir: string, state: ReproductionState) =>
  writeByRename(join(dir, 'results.json'), asText(state));

export async function writeClaims(
  dir: string,
  claims: readonly ClaimResult[],
  report: string,
): Promise<void> {
  await writeByRename(claimsPath(dir), asText(claims));
  await writeByRename(reportPath(dir), report);
}

/** Finds a reproduction by its id, a prefix of one, or `latest`. Errors: run-not-found, run-damaged, run-newer. */
export const findReproduction = async (ref: string): Promise<Reproduction> =>
  readReproduction(
    await findFolder(reproductionsDir(), ref, {
      kind: 'reproduction',
      start: 'Start one with "forget-me-not reproduce".',
    }),
  );

/** Errors: run-damaged, run-newer. */
async function readReproduction(dir: string): Promise<Reproduction> {
  const json = await readJson(dir, 'plan.json');
  refuseNewer(dir, json, REPRODUCTION_FORMAT);
  const spec = reproductionSpecSchema.safeParse(json);
  if (!spec.success) throw damaged(dir, 'plan.json', spec.error.issues[0]!.message);
  // Without results.json, nothing has been done yet.
  const state = reproductionStateSchema.safeParse((await readJson(dir, 'results.json', true)) ?? {});
  if (!state.success) throw damaged(dir, 'results.json', state.error.issues[0]!.message);
  return { dir, spec: spec.data, state: state.data };
}

async function readJson(dir: string, name: string, optional = false): Promise<unknown> {
  try {
    return JSON.parse(await readText(join(dir, name)));
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw damaged(dir, name, (error as Error).message);
  }
}

const damaged = (dir: string, file: string, why: string) =>
  new UserError(
    'run-damaged',
    `${file} of reproduction ${basename(dir)} can't be read (${why}).`,
    `Delete the folder ${dir} and start a new reproduction.`,
  );

/** The newest reproduction with the same settings and with claims that were not run for lack of time. */
export async function findUnfinished(newReproduction: NewReproduction): Promise<Reproduction | undefined> {
  for (const id of (await folderNames(reproductionsDir())).sort().reverse()) {
    // An unreadable one must not hide the others.
    const found = await readReproduction(join(reproductionsDir(), id)).catch(() => undefined);
    if (!found) continue;
    const { format, createdAt } = found.spec;
    if (format < REPRODUCTION_FORMAT) continue;
    // As it would be read back from JSON, without undefined values.
    const normalized: unknown = JSON.parse(
      JSON.stringify(
        reproductionSpecSchema.parse({ ...newReproduction, format, createdAt, id: found.spec.id }),
      ),
    );
    if (isDeepStrictEqual(found.spec, normalized) && !(await isFinished(found.dir))) return found;
  }
  return undefined;
}

async function isFinished(dir: string): Promise<boolean> {
  const json = await readJson(dir, 'claims.json', true).catch(() => undefined);
  const claims = z.array(claimResultSchema).safeParse(json);
  return claims.success && !claims.data.some(({ left }) => left);
}

/** Throws UserError bad-argument for a reproduction of an earlier format, which can be read but not resumed. */
export function requireCurrentFormat({ dir, spec }: Reproduction): void {
  if (spec.format === REPRODUCTION_FORMAT) return;
  throw new UserError(
    'bad-argument',
    `Reproduction ${spec.id} was measured in a different way, by a version that judged claims from one seed and from one point of each run.`,
    `Read its report in ${reportPath(dir)}, or start a new one without --resume.`,
  );
}

/** Ids of all its sweeps, in the order in which they were started. */
export const sweepsOf = ({ sweep, furtherSweeps }: ReproductionState): string[] => [
  ...(sweep === undefined ? [] : [sweep]),
  ...Object.values(furtherSweeps),
];
