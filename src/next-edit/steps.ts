/** Tracks applied offers: undo restores them, and redo applies them again. */

/** An offer when it was applied. */
export interface Step<Offer, Start> {
  offer: Offer;
  /** All offers at that time, including this one. */
  offers: readonly Offer[];
  /** Where the cursor was. */
  start: Start;
}

const MAX_REMEMBERED = 200;

/** The editor undoes each document's changes separately, the last one first. */
export class Steps<Offer extends { path: string }, Start> {
  private done: Step<Offer, Start>[] = [];
  private undone: Step<Offer, Start>[] = [];

  applied(step: Step<Offer, Start>): void {
    this.changed(step.offer.path);
    this.done = [...this.done, step].slice(-MAX_REMEMBERED);
  }

  /** The document was changed, so redo is no longer possible. */
  changed(path: string): void {
    this.undone = this.undone.filter(({ offer }) => offer.path !== path);
  }

  /** The step that an undo reverted, if `isReverted`: its lines are as they were before the step. */
  undo(path: string, isReverted: (offer: Offer) => boolean): Step<Offer, Start> | undefined {
    return moveLast(path, this.done, this.undone, isReverted);
  }

  /** The step that a redo reapplied, if `isReapplied`: its lines are as the step made them. */
  redo(path: string, isReapplied: (offer: Offer) => boolean): Step<Offer, Start> | undefined {
    return moveLast(path, this.undone, this.done, isReapplied);
  }
}

/** Moves the last step of a document from one list to the other. */
function moveLast<Offer extends { path: string }, Start>(
  path: string,
  from: Step<Offer, Start>[],
  to: Step<Offer, Start>[],
  isIt: (offer: Offer) => boolean,
): Step<Offer, Start> | undefined {
  const step = from.findLast(({ offer }) => offer.path === path);
  if (!step || !isIt(step.offer)) return undefined;
  from.splice(from.indexOf(step), 1);
  to.push(step);
  return step;
}
