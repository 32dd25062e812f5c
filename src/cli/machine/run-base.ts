/** Checks the base of a run that is resumed or continued: it must be the file that the run was trained on. */
import { existsSync } from 'node:fs';
import { examine } from '../../base-models/checksums.ts';
import { parseHubReference } from '../../base-models/hub.ts';
import { findSameBase } from '../../base-models/registry.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { RunSpec } from '../../protocol/run.ts';

/** Errors: base-not-found, base-checksum. */
export async function requireBase({ id, base }: Pick<RunSpec, 'id' | 'base'>): Promise<void> {
  if (!existsSync(base.path))
    throw new UserError(
      'base-not-found',
      msg`The base of run ${id} is gone: there is no ${base.path}.`,
      findSameBase(base) || parseHubReference(base.id)
        ? msg`Get it again with {fetch ${base.id}}.`
        : msg`Put that file back, or start a new training run on another base.`,
    );
  if ((await examine(base.path)).sha256 !== base.sha256)
    throw new UserError(
      'base-checksum',
      msg`${base.path} is not the file that run ${id} was trained on.`,
      msg`Put that file back, or start a new training run on this one.`,
    );
}
