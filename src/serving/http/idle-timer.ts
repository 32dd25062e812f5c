/** Ends a server without requests. */

export interface IdleOptions {
  /** Minutes without a request after which `onIdle` is called; by default never. */
  idleMinutes?: number | undefined;
  onIdle?: () => void;
}

/** Never idle while `busy`; call `touch` for each request. */
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
