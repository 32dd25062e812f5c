/** Shared by the campaigns of `npm run attack`: many hostile trials, each reported as held or broken. */

export interface Trial {
  name: string;
  /** Resolves if the product held; throws with the problem if it did not. */
  run(): Promise<void>;
}

export interface Campaign {
  /** "hostile programs". */
  title: string;
  /** Sets up what its trials share, passes it on, and removes all of it afterwards. */
  open(options: { seed: number }): Promise<{ trials: Trial[]; close(): Promise<void> }>;
}

export interface Outcome {
  title: string;
  trials: number;
  failures: { name: string; why: string }[];
  seconds: number;
}

/** Runs the trials one after the other; a failure stops none of the others. */
export async function runCampaign(
  campaign: Campaign,
  { seed, onTrial }: { seed: number; onTrial?: (done: number, of: number) => void },
): Promise<Outcome> {
  const started = performance.now();
  const { trials, close } = await campaign.open({ seed });
  const failures: Outcome['failures'] = [];
  try {
    for (const [index, { name, run }] of trials.entries()) {
      try {
        await run();
      } catch (error) {
        failures.push({ name, why: error instanceof Error ? error.message : String(error) });
      }
      onTrial?.(index + 1, trials.length);
    }
  } finally {
    await close();
  }
  return {
    title: campaign.title,
    trials: trials.length,
    failures,
    seconds: (performance.now() - started) / 1000,
  };
}
