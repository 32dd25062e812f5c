/** Restores the scroll position once the page is long enough again. */

/** The position is reported once scrolling has stopped for this long. */
const REST_MS = 150;

export class Scrolling {
  /**
   * The position to restore, until the user scrolls. It is applied repeatedly, because the page also grows above it.
   */
  private target: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(kept: number, onRest: () => void) {
    this.target = kept || undefined;
    const userScrolled = () => (this.target = undefined);
    for (const name of ['wheel', 'keydown', 'pointerdown'])
      window.addEventListener(name, userScrolled, { passive: true });
    window.addEventListener('scroll', () => {
      // The browser may have scrolled because the content grew.
      this.restore();
      clearTimeout(this.timer);
      this.timer = setTimeout(onRest, REST_MS);
    });
  }

  /** Pixels from the top. */
  get at(): number {
    return this.target ?? window.scrollY;
  }

  /** Called after drawing, when the page may have grown. */
  restore(): void {
    if (this.target !== undefined) window.scrollTo(0, this.target);
  }
}
