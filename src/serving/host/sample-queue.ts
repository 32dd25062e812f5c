/**
 * Decides which sample a sequence generates next. A sequence processes a prompt once for all its samples. So it stays
 * with its prompt while that has samples left, then takes a prompt that no sequence has begun, and only if there is
 * none helps with one that others have begun, so that no sequence is idle.
 */
interface Group<Job> {
  jobs: Job[];
  begun: boolean;
}

export class SampleQueue<Job extends { prompt: string }> {
  private readonly groups = new Map<string, Group<Job>>();

  get empty(): boolean {
    return this.groups.size === 0;
  }

  add(job: Job): void {
    const group = this.groups.get(job.prompt);
    if (group) group.jobs.push(job);
    else this.groups.set(job.prompt, { jobs: [job], begun: false });
  }

  remove(job: Job): void {
    const jobs = this.groups.get(job.prompt)?.jobs ?? [];
    const at = jobs.indexOf(job);
    if (at >= 0) jobs.splice(at, 1);
    if (jobs.length === 0) this.groups.delete(job.prompt);
  }

  /** The next job for a sequence that has the prompt `held`. */
  take(held?: string): Job | undefined {
    const group = this.groups.get(held ?? '') ?? this.unbegun() ?? this.longest();
    const job = group?.jobs[0];
    if (!group || !job) return undefined;
    group.begun = true;
    this.remove(job);
    return job;
  }

  private unbegun(): Group<Job> | undefined {
    for (const group of this.groups.values()) if (!group.begun) return group;
    return undefined;
  }

  private longest(): Group<Job> | undefined {
    let most: Group<Job> | undefined;
    for (const group of this.groups.values()) if (!most || group.jobs.length > most.jobs.length) most = group;
    return most;
  }
}
