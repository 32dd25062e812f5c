/** A cache of runs for one window: each scan reads only what has changed, and events only of selected runs. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reportError, type ErrorReport } from '../text/errors.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { runsDir } from '../platform/files/paths.ts';
import { specPath } from './files.ts';
import { fileMark, ignoreMissing } from './file-mark.ts';
import { folderNames } from './folders.ts';
import { RunReader } from './read.ts';

export interface FoundRuns {
  runs: { dir: string; snapshot: RunSnapshot; alive: boolean }[];
  /** Unreadable run folders, and why. */
  damaged: { dir: string; id: string; error: ErrorReport }[];
}

interface CachedRun {
  reader: RunReader;
  /** fileMark of its run.json; if that changes, it is a different run. */
  spec: string;
  /** The same object as long as nothing changes. */
  snapshot?: RunSnapshot;
}

export class RunCache {
  private readonly known = new Map<string, CachedRun>();

  /**
   * Like scanRuns, but in no particular order. For a run without events, `events` is empty and `brokenLines` is 0.
   * @param withEvents whether to read a run's events (by id)
   * @param skipped whether to skip a run (by id)
   */
  async scan(
    withEvents: (id: string) => boolean,
    skipped: (id: string) => boolean = () => false,
  ): Promise<FoundRuns> {
    const found: FoundRuns = { runs: [], damaged: [] };
    const ids = await folderNames(runsDir());
    const dirs = new Set(ids.map((id) => join(runsDir(), id)));
    for (const dir of this.known.keys()) if (!dirs.has(dir)) this.known.delete(dir);
    for (const id of ids) {
      if (skipped(id)) continue;
      const dir = join(runsDir(), id);
      try {
        const cached = await this.take(dir);
        const { news, alive } = await cached.reader.refresh(withEvents(id));
        if (news || !cached.snapshot) cached.snapshot = cached.reader.snapshot();
        found.runs.push({ dir, snapshot: cached.snapshot, alive });
      } catch (error) {
        this.known.delete(dir);
        found.damaged.push({ dir, id, error: reportError(error) });
      }
    }
    return found;
  }

  private async take(dir: string): Promise<CachedRun> {
    const spec = fileMark(await stat(specPath(dir)).catch(ignoreMissing));
    const known = this.known.get(dir);
    if (known?.spec === spec) return known;
    const cached = { reader: await RunReader.open(dir), spec };
    this.known.set(dir, cached);
    return cached;
  }
}
