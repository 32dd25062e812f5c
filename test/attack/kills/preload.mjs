/**
 * Loaded by `--import` before a program that is tried. Its priority stays as it is, so that a trial takes no longer on a
 * busy machine than others. Its clock jumps as FMN_CLOCK says, "AT:BY,...": from the moment AT on (ms since 1970, by the
 * true clock) it is BY ms ahead, or behind if that is negative. Times of files stay true.
 */
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

os.setPriority = () => undefined;
syncBuiltinESMExports();

const TrueDate = Date;
const jumps = (process.env.FMN_CLOCK ?? '').split(',').map((one) => one.split(':').map(Number));
const now = () => {
  const real = TrueDate.now();
  return real + (jumps.findLast(([at]) => at <= real)?.[1] ?? 0);
};

if (process.env.FMN_CLOCK)
  globalThis.Date = new Proxy(TrueDate, {
    get: (of, key) => (key === 'now' ? now : Reflect.get(of, key)),
    construct: (of, given, as) => Reflect.construct(of, given.length > 0 ? given : [now()], as),
    apply: () => new TrueDate(now()).toString(),
  });
