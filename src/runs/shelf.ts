/** The runs known to one window: each scan reads only what is new, and the events only of wanted runs. */
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
  /** Folders of runs that can't be read, and why. */
  damaged: { dir: string; id: string; error: ErrorReport }[];
}

interface Shelved {
  reader: RunReader;
  /** Mark of its run.json; if that changes, it is another run. */
  spec: string;
  /** Stays the same object as long as nothing changes. */
  snapshot?: RunSnapshot;
}

export class RunShelf {
  private readonly known = new Map<string, Shelved>();

  /**
   * Like scanRuns, in no order. For a run without events, `events` is empty and `brokenLines` is 0.
   * @param withEvents whether a run's events are wanted (by id); those of others take no memory
   * @param skipped whether to leave out a run (by id)
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
        const shelved = await this.take(dir);
        const { news, alive } = await shelved.reader.refresh(withEvents(id));
        if (news || !shelved.snapshot) shelved.snapshot = shelved.reader.snapshot();
        found.runs.push({ dir, snapshot: shelved.snapshot, alive });
      } catch (error) {
        this.known.delete(dir);
        found.damaged.push({ dir, id, error: reportError(error) });
      }
    }
    return found;
  }

  private async take(dir: string): Promise<Shelved> {
    const spec = fileMark(await stat(specPath(dir)).catch(ignoreMissing));
    const known = this.known.get(dir);
    if (known?.spec === spec) return known;
    const shelved = { reader: await RunReader.open(dir), spec };
    this.known.set(dir, shelved);
    return shelved;
  }
}
