/** How far down the page is, put back where it was once there is enough page again. */

/** Scrolling is told when it rests this long. */
const REST_MS = 150;

export class Scrolling {
  /** Where to go, until it is reached or the person goes elsewhere. */
  private wanted: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(kept: number, onRest: () => void) {
    this.wanted = kept || undefined;
    const own = () => (this.wanted = undefined);
    for (const name of ['wheel', 'keydown', 'pointerdown'])
      window.addEventListener(name, own, { passive: true });
    window.addEventListener('scroll', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(onRest, REST_MS);
    });
  }

  /** Pixels from the top. */
  get at(): number {
    return this.wanted ?? window.scrollY;
  }

  /** The page may have grown. */
  drawn(): void {
    if (this.wanted === undefined) return;
    window.scrollTo(0, this.wanted);
    if (Math.abs(window.scrollY - this.wanted) < 2) this.wanted = undefined;
  }
}
