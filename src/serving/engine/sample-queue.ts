/**
 * Which sample a sequence writes next. Each sequence reads a prompt once for all samples of it that it writes; so it stays
 * with its prompt while samples of it are left, goes on to a prompt that nobody has begun, and only when there is none
 * reads one that others have begun too, so that none is idle.
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

  /** The next job of a sequence that holds the prompt `held`. */
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
