/** How long a run will take, said once its first steps have shown how fast this machine is. */
import { describeTimes, expectedTimes, trainingSpeed, type RunTimes } from '../../evaluation/time.ts';
import { plannedTasks } from '../../evaluation/tasks/index.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { costPlace, knownCosts, type KnownCosts } from '../../training/measured-costs.ts';
import { readRun } from '../../runs/index.ts';

/** Steps after which their speed counts. */
const STEPS = 3;

export class Announcement {
  times: RunTimes | undefined;

  private constructor(
    private readonly known: KnownCosts,
    private readonly before: number,
  ) {}

  /** `eventsBefore`: number of events of an earlier part of the run. */
  static async open(dir: string, eventsBefore: number): Promise<Announcement> {
    const { spec, events } = await readRun(dir);
    return new Announcement(await knownCosts(costPlace(spec, events)), eventsBefore);
  }

  /** The sentence, once; undefined before these steps, or if nothing was planned. */
  take({ spec, events }: Pick<RunSnapshot, 'spec' | 'events'>): string | undefined {
    if (this.times || !spec.expected) return undefined;
    const own = events.slice(this.before).filter(({ type }) => type === 'step');
    if (own.length < STEPS) return undefined;
    const speeds = { known: this.known, speed: trainingSpeed(own.slice(0, STEPS)) };
    this.times = expectedTimes(spec, plannedTasks(spec), spec.expected.training, speeds);
    return describeTimes(this.times);
  }
}
