/** Ends a server that nobody asks any more. */

export interface IdleOptions {
  /** Minutes without a request after which `onIdle` is called; never without. */
  idleMinutes?: number | undefined;
  onIdle?: () => void;
}

/** Whoever is `busy` is not idle; `touch` says that there was a request. */
export function idleTimer(
  { idleMinutes, onIdle }: IdleOptions,
  busy: () => boolean,
): { touch: () => void; stop: () => void } {
  if (!idleMinutes || !onIdle) return { touch: () => undefined, stop: () => undefined };
  let last = performance.now();
  const limit = idleMinutes * 60_000;
  const timer = setInterval(
    () => {
      if (busy()) last = performance.now();
      if (performance.now() - last >= limit) onIdle();
    },
    Math.min(limit, 10_000),
  );
  timer.unref();
  return { touch: () => (last = performance.now()), stop: () => clearInterval(timer) };
}
