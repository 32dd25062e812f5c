/** Reads what somebody has published. All of it is untrusted input: nothing is believed before it was checked. */
import { join } from 'node:path';
import type { z } from 'zod';
import { sha256Of, sizeOf } from '../base-models/pypi/download.ts';
import { reportError, UserError } from '../protocol/errors.ts';
import { summarySchema, type Summary } from '../protocol/evaluation.ts';
import { runEventSchema, type RunEvent } from '../protocol/events.ts';
import { parseLines } from '../protocol/lines.ts';
import { readText } from '../protocol/regular-file.ts';
import { RUN_FORMAT, runSpecSchema, type RunSpec } from '../protocol/run.ts';
import { runSpectrumSchema, type RunSpectrum } from '../protocol/spectrum.ts';
import {
  SHARED_FORMAT,
  sharedLabel,
  sharedManifestSchema,
  type SharedFile,
  type SharedManifest,
} from '../protocol/sharing.ts';
import { isPlain } from '../protocol/foreign-text.ts';
import { refuseNewer } from '../runs/index.ts';

/** The manifest in these bytes. Errors: run-newer, adapter-damaged (which says what is wrong with it). */
export function readManifest(bytes: Uint8Array, asked: { name: string; version: number }): SharedManifest {
  const json = parsed(Buffer.from(bytes).toString('utf8'), asked, 'manifest.json');
  refuseNewer(sharedLabel(asked), json, SHARED_FORMAT);
  const found = sharedManifestSchema.safeParse(json);
  if (!found.success) throw damaged(asked, whatIsWrong(json, found.error));
  const { name, version, files } = found.data;
  if (name !== asked.name || version !== asked.version)
    throw damaged(asked, `its manifest says that it is ${sharedLabel({ name, version })}`);
  const twice = files.find(({ path }, index) => files.findIndex((one) => one.path === path) < index);
  if (twice) throw damaged(asked, `it names the file ${twice.path} twice`);
  for (const needed of ['adapter.gguf', 'run.json'])
    if (!files.some(({ path }) => path === needed)) throw damaged(asked, `it has no ${needed}`);
  return found.data;
}

function whatIsWrong(json: unknown, { issues }: z.ZodError): string {
  const [issue] = issues;
  const path = issue?.path ?? [];
  if (path[0] === 'files' && path[2] === 'path') {
    const file = (json as { files: { path: unknown }[] }).files[Number(path[1])]!;
    return `it names a file ${JSON.stringify(file.path)}, which is no plain name`;
  }
  return `"${path.map(String).join('.')}" in its manifest is not valid`;
}

/** Throws adapter-damaged if the downloaded file is not the one that the manifest means. */
export async function checkFile(folder: string, file: SharedFile, about: SharedManifest): Promise<void> {
  const path = join(folder, file.path);
  const bytes = await sizeOf(path);
  if (bytes !== file.bytes) throw damaged(about, `${file.path} has ${bytes} bytes instead of ${file.bytes}`);
  if ((await sha256Of(path)) !== file.sha256)
    throw damaged(about, `the checksum of ${file.path} is another one`);
}

export interface Unpacked {
  spec: RunSpec;
  events: RunEvent[];
  summary?: Summary;
  spectrum?: RunSpectrum;
}

/** What the checked files say about the run. Errors: adapter-damaged, run-newer. */
export async function unpackRun(folder: string, manifest: SharedManifest): Promise<Unpacked> {
  const has = (name: string) => manifest.files.some(({ path }) => path === name);
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T> => {
    const json = parsed(await readText(join(folder, name)), manifest, name);
    if (name === 'run.json') refuseNewer(sharedLabel(manifest), json, RUN_FORMAT);
    const found = schema.safeParse(json);
    if (found.success) return plain(found.data, name, manifest);
    throw damaged(manifest, `"${found.error.issues[0]?.path.map(String).join('.')}" in ${name} is not valid`);
  };
  const spec = await read('run.json', runSpecSchema);
  const events = has('events.jsonl')
    ? parseLines(runEventSchema, await readText(join(folder, 'events.jsonl'))).values
    : [];
  if (!events.some(({ type }) => type === 'done'))
    throw damaged(manifest, 'its events do not say that it is done');
  return {
    spec,
    events: plain(events, 'events.jsonl', manifest),
    ...(has('summary.json') && { summary: await read('summary.json', summarySchema) }),
    ...(has('spectrum.json') && { spectrum: await read('spectrum.json', runSpectrumSchema) }),
  };
}

function parsed(text: string, about: { name: string; version: number }, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(about, `${file} can't be read (${reportError(error).message.replace(/\.$/, '')})`);
  }
}

/** Its texts are shown to people, in terminals and in VS Code. */
function plain<T>(value: T, file: string, about: SharedManifest): T {
  const json = JSON.stringify(value);
  if (!/\\u00[01][0-9a-f]/.test(json) && isPlain(json)) return value;
  throw damaged(about, `${file} has characters in it that no text has`);
}

export const damaged = (about: { name: string; version: number }, why: string): UserError =>
  new UserError(
    'adapter-damaged',
    `The adapter ${sharedLabel(about)} can't be used: ${why}.`,
    'Fetch it again; if that does not help, have it published again.',
  );
