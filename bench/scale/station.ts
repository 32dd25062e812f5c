/**
 * One server's turns, as src/serving/http/fair-queue.ts gives them: so many requests compute at once, at most so many
 * of them with the same model, and the others wait.
 */
import type { Calendar } from './calendar.ts';

export interface Job {
  /** What it is asked of. */
  model: number;
  /** Its turn has come. Returns the seconds that it computes. */
  begin(): number;
  /** If nobody wants it any more after so many seconds of computing: after how many it can end. Default: at once. */
  endsAfter?(seconds: number): number;
  /** It has computed for so many seconds; `cut`: it was ended before it was done. */
  end(seconds: number, cut: boolean): void;
}

export interface StationOptions {
  slots: number;
  /** Most requests of one model that compute at once. */
  perModel?: number;
}

interface Running {
  began: number;
  ends: number;
  cut: boolean;
}

export class Station {
  private readonly waiting: Job[] = [];
  private readonly running = new Map<Job, Running>();
  /** Of each model: how many compute, and how many do or wait and are still wanted. */
  private readonly ofModel = new Map<number, number>();
  private readonly wantedOf = new Map<number, number>();
  private wanted = 0;
  /** Seconds that its slots have computed, all together. */
  busy = 0;

  constructor(
    private readonly calendar: Calendar,
    private readonly options: StationOptions,
  ) {}

  /** Requests that compute or wait, and that somebody wants. */
  get load(): number {
    return this.wanted;
  }

  /** The same, of one model. */
  loadOf(model: number): number {
    return this.wantedOf.get(model) ?? 0;
  }

  submit(job: Job): void {
    this.waiting.push(job);
    this.want(job, 1);
    this.next();
  }

  /** Nobody wants its answer any more. */
  giveUp(job: Job): void {
    const place = this.waiting.indexOf(job);
    const running = this.running.get(job);
    if (place < 0 && (!running || running.cut)) return;
    this.want(job, -1);
    if (!running) {
      this.waiting.splice(place, 1);
      return;
    }
    running.cut = true;
    const computed = this.calendar.now - running.began;
    const ends = running.began + (job.endsAfter?.(computed) ?? computed);
    if (running.ends <= ends) return;
    running.ends = ends;
    this.calendar.at(ends, () => this.ended(job));
  }

  private want({ model }: Job, by: 1 | -1): void {
    this.wanted += by;
    this.wantedOf.set(model, this.loadOf(model) + by);
  }

  private next(): void {
    const { slots, perModel = Infinity } = this.options;
    while (this.running.size < slots) {
      const place = this.waiting.findIndex(({ model }) => (this.ofModel.get(model) ?? 0) < perModel);
      if (place < 0) return;
      this.start(this.waiting.splice(place, 1)[0]!);
    }
  }

  private start(job: Job): void {
    const { now } = this.calendar;
    this.ofModel.set(job.model, (this.ofModel.get(job.model) ?? 0) + 1);
    const ends = now + job.begin();
    this.running.set(job, { began: now, ends, cut: false });
    this.calendar.at(ends, () => this.ended(job));
  }

  private ended(job: Job): void {
    const running = this.running.get(job);
    // It was cut, and this is its end as it was planned before.
    if (!running || running.ends !== this.calendar.now) return;
    this.running.delete(job);
    if (!running.cut) this.want(job, -1);
    this.ofModel.set(job.model, this.ofModel.get(job.model)! - 1);
    const seconds = running.ends - running.began;
    this.busy += seconds;
    job.end(seconds, running.cut);
    this.next();
  }
}
