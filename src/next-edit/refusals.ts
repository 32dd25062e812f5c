/** Records the user's reactions to offers: refused ones are not offered again. */
import type { Offer } from './find.ts';

const MAX_REMEMBERED = 1000;
/** After a refusal, a pattern's next offers are mostly wrong, unless this many of them were accepted. */
const ACCEPTED_PER_REFUSAL = 3;

/** An offer with its lines, as they are and as they would be. */
type ShownOffer = Offer & { before: string; after: string };

export class Refusals {
  private places = new Set<string>();
  /** By pattern: the accepted offers, less what the refused ones cost. */
  private balance = new Map<string, number>();
  /** Patterns that are no longer wanted. */
  readonly unwanted = new Set<string>();
  private readonly passed = new Set<string>();
  /** The files in which a pattern's offers were accepted. */
  private readonly acceptedIn = new Map<string, Set<string>>();
  /** Patterns of which an offer was refused in a file where none had been accepted: they belong to their files. */
  private readonly confined = new Set<string>();

  isRefused(offer: ShownOffer): boolean {
    return (
      this.unwanted.has(offer.pattern) ||
      (offer.isTentative === true && (this.balance.get(offer.pattern) ?? 0) <= 0) ||
      (this.confined.has(offer.pattern) && !this.isAcceptedIn(offer)) ||
      this.places.has(placeKey(offer))
    );
  }

  private isAcceptedIn({ pattern, path }: Offer): boolean {
    return this.acceptedIn.get(pattern)?.has(path) ?? false;
  }

  recordAccepted({ pattern, path }: Offer): void {
    const files = this.acceptedIn.get(pattern) ?? new Set<string>();
    this.acceptedIn.set(pattern, files.add(path));
    this.balance.set(pattern, (this.balance.get(pattern) ?? 0) + 1);
    this.unwanted.delete(pattern);
    this.passed.delete(pattern);
  }

  /** The offer was undone, so it is offered again. */
  recordUndone({ pattern }: Offer): void {
    this.balance.set(pattern, (this.balance.get(pattern) ?? 0) - 1);
    this.unwanted.delete(pattern);
  }

  /** The user saw the offers and went on typing. They are still offered, but no longer bound to Tab. */
  recordPassed(offers: readonly Offer[]): void {
    for (const { pattern } of offers) this.passed.add(pattern);
  }

  isPassed({ pattern }: Offer): boolean {
    return this.passed.has(pattern);
  }

  /** All offers were dismissed: the places stay refused if another pattern fits them, too. */
  recordDismissed(offers: readonly ShownOffer[]): void {
    for (const offer of offers) {
      this.unwanted.add(offer.pattern);
      this.refusePlace(offer);
    }
  }

  private refusePlace(offer: ShownOffer): void {
    if (this.places.size >= MAX_REMEMBERED) this.places.clear();
    this.places.add(placeKey(offer));
  }

  recordRefused(offer: ShownOffer): void {
    const { pattern } = offer;
    this.refusePlace(offer);
    const balance = (this.balance.get(pattern) ?? 0) - ACCEPTED_PER_REFUSAL;
    this.balance.set(pattern, balance);
    if (balance < 0) this.unwanted.add(pattern);
    if (!this.isAcceptedIn(offer)) this.confined.add(pattern);
  }
}

const placeKey = ({ path, before, after }: ShownOffer) => [path, before, after].join('\0');
