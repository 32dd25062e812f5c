import { readFile } from 'node:fs/promises';
import { UserError } from '../protocol/errors.ts';
import { parseLines } from '../protocol/lines.ts';
import { manifestPath, summaryPath, tokensPath } from './build.ts';
import {
  corpusSummarySchema,
  manifestLineSchema,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
} from './manifest.ts';
import { readTokens } from './token-file.ts';

export interface Corpus {
  train: Int32Array;
  heldOut: Int32Array;
  digest: string;
  /**
   * The kept files in path order. The tokens of one: `(split === 'train' ? train : heldOut).subarray(offset, offset +
   * tokens)`, the end of the document last.
   */
  documents: KeptEntry[];
  leftOut: LeftOutEntry[];
  summary: CorpusSummary;
}

/** Opens what buildCorpus wrote. Errors: run-damaged when files are missing, cut or don't fit together. */
export async function openCorpus(dir: string): Promise<Corpus> {
  try {
    const summary = corpusSummarySchema.parse(JSON.parse(await readFile(summaryPath(dir), 'utf8')));
    const { kept, leftOut } = await readManifest(dir);
    const train = await readTokens(tokensPath(dir, 'train'));
    const heldOut = await readTokens(tokensPath(dir, 'held-out'));
    if (train.length !== summary.trainTokens || heldOut.length !== summary.heldOutTokens)
      throw new Error('the token files have another length than the summary says');
    return { train, heldOut, digest: summary.digest, documents: kept, leftOut, summary };
  } catch (error) {
    throw new UserError(
      'run-damaged',
      `The corpus in ${dir} can't be read: ${(error as Error).message}.`,
      'Delete that folder and start the run again; the files are read anew then.',
      { cause: error },
    );
  }
}

/** Every file's entry, broken lines left aside. */
export async function readManifest(dir: string): Promise<{ kept: KeptEntry[]; leftOut: LeftOutEntry[] }> {
  const { values } = parseLines(manifestLineSchema, await readFile(manifestPath(dir), 'utf8'));
  return {
    kept: values.filter((entry): entry is KeptEntry => entry.in),
    leftOut: values.filter((entry): entry is LeftOutEntry => !entry.in),
  };
}
