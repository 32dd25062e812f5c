/** How far down the page is, put back where it was once there is enough page again. */

/** Scrolling is told when it rests this long. */
const REST_MS = 150;

export class Scrolling {
  /** Where to be, until the person goes elsewhere: the page grows above it too. */
  private wanted: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(kept: number, onRest: () => void) {
    this.wanted = kept || undefined;
    const own = () => (this.wanted = undefined);
    for (const name of ['wheel', 'keydown', 'pointerdown'])
      window.addEventListener(name, own, { passive: true });
    window.addEventListener('scroll', () => {
      // The browser moved it along with what grew.
      this.drawn();
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
    if (this.wanted !== undefined) window.scrollTo(0, this.wanted);
  }
}
