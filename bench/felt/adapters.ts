/** Results that were trained on the old release of a repository, as a side of the comparison. */
import { basename, join } from 'node:path';
import type { Calibration } from '../../src/completion/index.ts';
import { foldersOf } from '../../src/protocol/folders.ts';
import { artefactName } from '../../src/protocol/run.ts';
import { readRun } from '../../src/runs/index.ts';
import type { BenchServer } from './server.ts';

export interface TrainedModel {
  /** Its name in requests to the server. */
  name: string;
  path: string;
  wholeRepositories: boolean;
  calibration?: Calibration | undefined;
}

/** By the name of the folder that it was trained on. `dirs`: directories of LoRA runs that are done. */
export async function readTrained(dirs: readonly string[]): Promise<Map<string, TrainedModel>> {
  const found = new Map<string, TrainedModel>();
  for (const dir of dirs) {
    const { spec, summary } = await readRun(dir);
    const model = {
      ...{ name: spec.id, path: join(dir, artefactName(spec)) },
      ...{ wholeRepositories: spec.corpus.repositoryContext, calibration: summary?.calibration },
    };
    for (const { path } of foldersOf(spec)) found.set(basename(path), model);
  }
  return found;
}

export const offer = (server: BenchServer, { name, path }: TrainedModel): Promise<unknown> =>
  server.post('/v1/load_lora_adapter', { lora_name: name, lora_path: path });
