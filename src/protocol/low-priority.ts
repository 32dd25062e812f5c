/** For processes that work while nobody waits for them. */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** This process gets what others leave of the processors, with all threads that it has and will have. */
export function lowerPriority(): void {
  for (const id of threads())
    try {
      setPriority(id, constants.priority.PRIORITY_LOW);
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
