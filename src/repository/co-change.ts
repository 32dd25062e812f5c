/** Which files change together, from git's history. */
import { gitLog, NoRepository } from '../corpus/reading/git.ts';

const MAX_COMMITS = 4000;
/** A commit of more files says nothing about any pair of them. */
const MAX_FILES = 20;
const MAX_RESULTS = 20;

export interface CoChangedFile {
  path: string;
  /** Sum over the commits that changed both files: 1 / number of the commit's files. */
  weight: number;
}

export class CoChange {
  private readonly commits: (readonly string[])[] = [];
  private readonly byPath = new Map<string, number[]>();

  /** Paths relative to the folder. A folder without history has no such files. Throws `signal`'s reason. */
  static async of(folder: string, signal?: AbortSignal): Promise<CoChange> {
    const found = new CoChange();
    const args = [`-n${MAX_COMMITS}`, '--name-only', '--format=%x01'];
    let files: string[] = [];
    try {
      for await (const line of gitLog(folder, args, signal)) {
        if (line === '\x01') {
          found.add(files);
          files = [];
        } else if (line && files.length <= MAX_FILES) files.push(line);
      }
      found.add(files);
    } catch (error) {
      if (!(error instanceof NoRepository)) throw error;
    }
    return found;
  }

  /** The files of one commit. */
  add(files: readonly string[]): void {
    if (files.length < 2 || files.length > MAX_FILES) return;
    const commit = this.commits.push(files) - 1;
    for (const path of files) {
      const known = this.byPath.get(path);
      if (known) known.push(commit);
      else this.byPath.set(path, [commit]);
    }
  }

  /** The files that changed together with this one, most often first. */
  with(path: string): CoChangedFile[] {
    const weights = new Map<string, number>();
    for (const commit of this.byPath.get(path) ?? []) {
      const files = this.commits[commit]!;
      for (const other of files)
        if (other !== path) weights.set(other, (weights.get(other) ?? 0) + 1 / files.length);
    }
    return [...weights]
      .map(([other, weight]) => ({ path: other, weight }))
      .sort((a, b) => b.weight - a.weight || (a.path < b.path ? -1 : 1))
      .slice(0, MAX_RESULTS);
  }
}
