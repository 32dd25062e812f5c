/**
 * Decides which sample a sequence generates next. A sequence processes a prompt once for all its samples. So it stays
 * with its prompt while that has samples left, then takes a prompt that no sequence has started, and otherwise helps
 * with a started one, so that no sequence is idle.
 */
interface Group<Job> {
  jobs: Job[];
  started: boolean;
}

export class SampleQueue<Job extends { prompt: string }> {
  private readonly groups = new Map<string, Group<Job>>();

  get empty(): boolean {
    return this.groups.size === 0;
  }

  add(job: Job): void {
    const group = this.groups.get(job.prompt);
    if (group) group.jobs.push(job);
    else this.groups.set(job.prompt, { jobs: [job], started: false });
  }

  remove(job: Job): void {
    const jobs = this.groups.get(job.prompt)?.jobs ?? [];
    const at = jobs.indexOf(job);
    if (at >= 0) jobs.splice(at, 1);
    if (jobs.length === 0) this.groups.delete(job.prompt);
  }

  /** The next job for a sequence that contains the prompt `held`. */
  take(held?: string): Job | undefined {
    const group = this.groups.get(held ?? '') ?? this.unstarted() ?? this.longest();
    const job = group?.jobs[0];
    if (!group || !job) return undefined;
    group.started = true;
    this.remove(job);
    return job;
  }

  private unstarted(): Group<Job> | undefined {
    for (const group of this.groups.values()) if (!group.started) return group;
    return undefined;
  }

  private longest(): Group<Job> | undefined {
    let longest: Group<Job> | undefined;
    for (const group of this.groups.values())
      if (!longest || group.jobs.length > longest.jobs.length) longest = group;
    return longest;
  }
}
