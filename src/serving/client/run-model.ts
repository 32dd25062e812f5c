/** A run's result for the server, which is served only after it was compared with the trained model. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { requireVerified } from '../../runs/verify.ts';
import { msg, UserError } from '../../text/errors.ts';
import { artefactName } from '../../protocol/run.ts';
import { readSpec } from '../../runs/index.ts';

export interface ServedRun {
  /** The run's id, which is the model's name. */
  name: string;
  basePath: string;
  baseId: string;
  adapters: { name: string; path: string }[];
  models: { name: string; path: string }[];
}

/**
 * What to serve for a run. `check` compares the served model with the trained one if that was never done (see
 * `requireVerified`). Throws UserError `run-not-finished` if there is no result, `adapter-mismatch` if the models
 * differ, and what `check` throws.
 */
export async function servedRun(dir: string, check: () => Promise<void>): Promise<ServedRun> {
  const spec = await readSpec(dir);
  const lora = spec.hyper.method === 'lora';
  const path = join(dir, artefactName(spec));
  try {
    await access(path);
  } catch {
    throw new UserError(
      'run-not-finished',
      msg`The run ${spec.id} has no result yet.`,
      msg`Let it finish, or continue it with {resume ${spec.id}}.`,
    );
  }
  await requireVerified(dir, check);
  const file = [{ name: spec.id, path }];
  return {
    name: spec.id,
    basePath: spec.base.path,
    baseId: spec.base.id,
    adapters: lora ? file : [],
    models: lora ? [] : file,
  };
}
