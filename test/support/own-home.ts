/** A data directory for each test file, so that none uses the user's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';

/** Sets FORGET_ME_NOT_HOME while the file's tests run. Call it at the top of the file. */
export function ownHome(): void {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'fmn-'));
    vi.stubEnv('FORGET_ME_NOT_HOME', home);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true });
  });
}
