/** For processes that work while nobody waits for them, or that a person who types is not to notice. */
import { readdirSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const { PRIORITY_LOW } = constants.priority;
/** Below the editor, but they still get a share beside other work at normal priority; completion before training. */
const BEHIND_EDITOR = { completion: 3, training: 5 };

/** This process gets what others leave of the processors, with all threads that it has and will have. */
export const lowerPriority = (): void => lowerTo(PRIORITY_LOW);

/** This detached process and its children let the editor go first, but get most of what it leaves. */
export function letEditorGoFirst(work: keyof typeof BEHIND_EDITOR): void {
  const priority = BEHIND_EDITOR[work];
  lowerTo(priority);
  try {
    // Linux divides the processors between sessions first, and a detached process has one of its own.
    if (process.platform === 'linux') writeFileSync('/proc/self/autogroup', String(priority));
  } catch {
    // Not every kernel has these groups.
  }
}

function lowerTo(priority: number): void {
  for (const id of threads())
    try {
      setPriority(id, priority);
    } catch {
      // Not allowed everywhere; it only makes us polite. The thread may also have ended.
    }
}

/**
 * Linux has a priority for each thread, and a new one takes that of the thread that starts it: those of Node's pool are
 * there already, and start llama.cpp's. Elsewhere, 0 is the process.
 */
function threads(): number[] {
  try {
    if (process.platform === 'linux') return readdirSync('/proc/self/task').map(Number);
  } catch {
    // A container may have no /proc.
  }
  return [0];
}
