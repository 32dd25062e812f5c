/** The reference adapters that ship with the extension, by base, once their checksums were verified. */
import { join } from 'node:path';
import { findReferenceAdapter } from '../../base-models/reference-adapters.ts';
import type { Services } from '../services.ts';
import type { CompletionBase } from './completion-model.ts';

export class References {
  private readonly paths = new Map<string, string>();

  constructor(private readonly services: Pick<Services, 'extension' | 'log'>) {}

  /** The path of a base's adapter, if it was checked. */
  of({ sha256 }: CompletionBase): string | undefined {
    return this.paths.get(sha256);
  }

  /** Never rejects: a base whose adapter is damaged completes without it, and the log says so. */
  async check(base: CompletionBase): Promise<void> {
    const { extension, log } = this.services;
    const dir = join(extension.extensionPath, 'media/reference');
    const path = await findReferenceAdapter(base, dir, (damaged) =>
      log.warn(`${base.id} completes without its reference adapter: ${damaged} is missing or damaged.`),
    );
    if (path !== undefined) this.paths.set(base.sha256, path);
  }
}
