/** The adapters of a repository's user: one trained on the first day, and one that goes on learning what is new. */
import { join } from 'node:path';
import { makeOwnHome } from '../own-home.ts';
import { adapterOf, type Adapter } from '../felt/adapters.ts';
import { trained, type Working } from '../gain/default-run.ts';
import { outcomeOf } from '../gain/metrics.ts';
import { readRun } from '../../src/runs/index.ts';

interface Trainings {
  name: string;
  base: string;
  /** Minutes of the first training, and of each that continues it. */
  minutes: { first: number; fresh: number };
}

export class KeptFresh {
  /** Undefined if their training did not offer a result. */
  first: Adapter | undefined;
  fresh: Adapter | undefined;
  private count = 0;
  /** The last run with a result. */
  private last: string | undefined;
  private readonly home: string;

  /** Runs are kept in `place`; those that exist are not trained again. */
  constructor(
    place: string,
    private readonly trainings: Trainings,
    private readonly working: Working,
  ) {
    this.home = join(place, 'home');
  }

  /** Learns `tree` as it is now. A result that is not offered is not used. Errors: crashed, cancelled, run-damaged. */
  async learn(tree: string): Promise<void> {
    const { name, base, minutes } = this.trainings;
    const from = this.last ? ['--continue', this.last] : ['--base', base];
    const isFirst = this.count === 0;
    const how = [...from, '--minutes', String(isFirst ? minutes.first : minutes.fresh)];
    await makeOwnHome(this.home);
    const dir = await trained(this.home, { name, folder: tree }, how, this.working, this.count);
    this.count += 1;
    const { whyNot } = outcomeOf(await readRun(dir));
    this.working.tell(`${name}, training ${this.count}: ${whyNot ? `not offered: ${whyNot}` : 'offered'}`);
    if (whyNot) return;
    this.last = dir;
    this.fresh = await adapterOf(dir);
    if (isFirst) this.first = this.fresh;
  }
}
