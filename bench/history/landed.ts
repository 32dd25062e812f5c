/** The changes that landed on a clone's branch, as they would be typed. */
import { sessionsOf, type Session } from '../felt/sessions.ts';
import type { Clone } from '../clone.ts';

/** A commit of the branch itself: what was merged is one change, with all that it brought. */
export interface Landed {
  id: string;
  /** The commit before it. */
  parent: string;
  sessions: Session[];
}

/** The newest `count` changes that mostly add code to existing files, oldest first; `hunks`: the most of each. */
export function landedOn(clone: Clone, count: number, hunks: number): Landed[] {
  const ids = clone.git(['log', '--first-parent', '--format=%H']).toString().split('\n').filter(Boolean);
  const landed: Landed[] = [];
  for (let at = 0; at + 1 < ids.length && landed.length < count; at += 1) {
    const [id, parent] = [ids[at]!, ids[at + 1]!];
    const sessions = sessionsOf(clone.textsAt(parent), clone.textsAt(id), hunks);
    if (sessions.length > 0) landed.push({ id, parent, sessions });
  }
  return landed.reverse();
}
