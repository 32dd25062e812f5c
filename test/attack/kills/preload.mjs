/**
 * Loaded by `--import` before a program under test. Its priority is not lowered, so that a trial takes no longer than
 * others on a busy machine. Its clock jumps according to FMN_CLOCK, "AT:BY,...": from the time AT on (ms since 1970,
 * by the real clock) it is BY ms ahead, or behind if negative. File times stay real.
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
