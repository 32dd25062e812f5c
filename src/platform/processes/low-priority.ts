/** Lower priority for background processes, which must not be noticed while typing. */
import { readdirSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const { PRIORITY_LOW } = constants.priority;
/**
 * Below the editor. Completion goes before training, and both get a share next to other work; training in the
 * background does not.
 */
const BEHIND_EDITOR = { completion: 3, training: 5, background: PRIORITY_LOW };

/** Gives this process, with all current and future threads, only processor time that others leave. */
export const lowerPriority = (): void => lowerTo(PRIORITY_LOW);

/** Puts this detached process and its children behind the editor, but ahead of background work. */
export function yieldToEditor(work: keyof typeof BEHIND_EDITOR): void {
  const priority = BEHIND_EDITOR[work];
  lowerTo(priority);
  try {
    // Linux first divides processor time between sessions (autogroups), and a detached process has its own.
    if (process.platform === 'linux') writeFileSync('/proc/self/autogroup', String(priority));
  } catch {
    // Not every kernel has autogroups.
  }
}

function lowerTo(priority: number): void {
  for (const id of threads())
    try {
      setPriority(id, priority);
    } catch {
      // Not permitted everywhere, and only a courtesy. The thread may also have ended.
    }
}

/**
 * On Linux, priorities are per thread, and new threads inherit that of their creator: llama.cpp's are created by Node's
 * thread pool, which already exists. Elsewhere, 0 means the process.
 */
function threads(): number[] {
  try {
    if (process.platform === 'linux') return readdirSync('/proc/self/task').map(Number);
  } catch {
    // A container may have no /proc.
  }
  return [0];
}
