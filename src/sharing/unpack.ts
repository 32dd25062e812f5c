/** Reads a publication. All of it is untrusted input: nothing is used before it was checked. */
import { join } from 'node:path';
import type { z } from 'zod';
import { sha256Of } from '../platform/files/checksum.ts';
import { sizeOf } from '../platform/network/download.ts';
import { reportError, UserError } from '../text/errors.ts';
import { summarySchema } from '../protocol/evaluation.ts';
import { runEventSchema } from '../protocol/events.ts';
import { parseLines } from '../platform/files/lines.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { readText } from '../platform/files/regular-file.ts';
import { RUN_FORMAT, runSpecSchema } from '../protocol/run.ts';
import {
  SHARED_FORMAT,
  sharedLabel,
  sharedManifestSchema,
  type SharedFile,
  type SharedManifest,
} from '../protocol/sharing.ts';
import { isPlain } from '../text/foreign-text.ts';
import { refuseNewer, stepOfResult } from '../runs/index.ts';
import { shareable } from './shareable.ts';

/** The files that are read, with their size limits in bytes; nothing else in a publication is downloaded. */
const maxBytes: Record<string, number> = {
  'adapter.gguf': Number.MAX_SAFE_INTEGER,
  'run.json': 1 << 20,
  'events.jsonl': 32 << 20,
  'summary.json': 1 << 20,
};
const MAX_TEXT_CHARACTERS = 2000;

/** Parses the manifest. Errors: run-newer, adapter-damaged (which says what is wrong with it). */
export function readManifest(bytes: Uint8Array, asked: { name: string; version: number }): SharedManifest {
  const json = parsed(Buffer.from(bytes).toString('utf8'), asked, 'manifest.json');
  refuseNewer(sharedLabel(asked), json, SHARED_FORMAT);
  const found = sharedManifestSchema.safeParse(json);
  if (!found.success) throw damaged(asked, describeProblem(json, found.error));
  const { name, version, files } = found.data;
  if (name !== asked.name || version !== asked.version)
    throw damaged(asked, `its manifest says that it is ${sharedLabel({ name, version })}`);
  const paths = files.map(({ path }) => path.toLowerCase());
  const twice = paths.find((path, index) => paths.indexOf(path) < index);
  if (twice !== undefined) throw damaged(asked, `it names the file ${twice} twice`);
  for (const needed of ['adapter.gguf', 'run.json', 'events.jsonl'])
    if (!files.some(({ path }) => path === needed)) throw damaged(asked, `it has no ${needed}`);
  const large = files.find((file) => file.bytes > (maxBytes[file.path] ?? Infinity));
  if (large)
    throw damaged(
      asked,
      `its ${large.path} has ${large.bytes} bytes, more than the ${maxBytes[large.path]} that it may have`,
    );
  return found.data;
}

/** The files of a publication that are read. */
export const filesRead = ({ files }: SharedManifest): SharedFile[] =>
  files.filter(({ path }) => Object.hasOwn(maxBytes, path));

function describeProblem(json: unknown, error: z.ZodError): string {
  const path = error.issues[0]?.path ?? [];
  if (path[0] === 'files' && path[2] === 'path') {
    const named = (json as { files: { path: unknown }[] }).files[Number(path[1])]!.path;
    const shown = typeof named === 'string' ? ` ${JSON.stringify(named.slice(0, 100))}` : '';
    return `it names a file${shown}, which is no plain name`;
  }
  return notValid('manifest.json', error);
}

/** `run.json is not as it should be at "hyper.rank"`; without the path if it concerns the whole file. */
function notValid(file: string, { issues }: z.ZodError): string {
  // The keys are untrusted and may be anything.
  const place = issues[0]?.path.map(String).join('.').slice(0, 100) ?? '';
  return `${file} is not as it should be${place && isPlain(place) ? ` at "${place}"` : ''}`;
}

/** Throws adapter-damaged if the downloaded file does not match the manifest. */
export async function checkFile(folder: string, file: SharedFile, about: SharedManifest): Promise<void> {
  const path = join(folder, file.path);
  const bytes = await sizeOf(path);
  if (bytes !== file.bytes) throw damaged(about, `${file.path} has ${bytes} bytes instead of ${file.bytes}`);
  if ((await sha256Of(path)) !== file.sha256)
    throw damaged(about, `the checksum of ${file.path} is another one`);
}

/** What the checked files say about the run, without anything that may not be published. Errors: adapter-damaged, run-newer. */
export async function unpackRun(folder: string, manifest: SharedManifest): Promise<RunSnapshot> {
  const has = (name: string) => manifest.files.some(({ path }) => path === name);
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T> => {
    const json = parsed(await readText(join(folder, name)), manifest, name);
    if (name === 'run.json') refuseNewer(sharedLabel(manifest), json, RUN_FORMAT);
    const found = schema.safeParse(json);
    if (!found.success) throw damaged(manifest, notValid(name, found.error));
    return found.data;
  };
  const spec = await read('run.json', runSpecSchema);
  const { step, name } = manifest;
  const { values: events } = parseLines(runEventSchema, await readText(join(folder, 'events.jsonl')));
  const run = shareable(
    {
      spec,
      state: { status: 'done', step, steps: spec.hyper.steps },
      events,
      brokenLines: 0,
      ...(has('summary.json') && { summary: await read('summary.json', summarySchema) }),
    },
    name,
  );
  if (stepOfResult(run) !== step) throw damaged(manifest, 'its events are about weights of another step');
  return withPlainTexts(run, manifest);
}

function parsed(text: string, about: { name: string; version: number }, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(about, `${file} can't be read (${reportError(error).message.replace(/\.$/, '')})`);
  }
}

/** Its texts are shown on one line, in terminals too. */
function withPlainTexts(run: RunSnapshot, about: SharedManifest): RunSnapshot {
  const text = JSON.stringify(run, (_, value: unknown) => {
    if (typeof value !== 'string') return value;
    const line = value.replace(/[\t\r\n]+/g, ' ');
    if (!isPlain(line)) throw damaged(about, 'a text in it has characters that no text has');
    if (line.length > MAX_TEXT_CHARACTERS) throw damaged(about, `a text in it has ${line.length} characters`);
    return line;
  });
  return JSON.parse(text) as RunSnapshot;
}

export const damaged = (about: { name: string; version: number }, why: string): UserError =>
  new UserError(
    'adapter-damaged',
    `The adapter ${sharedLabel(about)} can't be used: ${why}.`,
    'Fetch it again; if that does not help, have it published again.',
  );
