/** For processes that work while nobody waits for them. */
import { constants, setPriority } from 'node:os';

/** This process gets what others leave of the processors. */
export function lowerPriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Not allowed everywhere; it only makes us polite.
  }
}
