/** `npm run attack [-- NAMES] [--seed N]`: attacks the product and reports every trial that it does not withstand. */
import { runCampaign, type Campaign, type Outcome } from './campaign.ts';

/** One file each. Loaded only on request: each imports its own part of the product. */
const campaigns: Record<string, () => Promise<Campaign>> = {
  secrets: async () => (await import('./secrets.ts')).secretsCampaign,
  publications: async () => (await import('./publications.ts')).publications,
  files: async () => (await import('./files.ts')).files,
  kills: async () => (await import('./kills.ts')).kills,
  requests: async () => (await import('./requests.ts')).requests,
  names: async () => (await import('./names.ts')).names,
  git: async () => (await import('./git.ts')).gitCampaign,
  bases: async () => (await import('./bases.ts')).bases,
  templates: async () => (await import('./templates.ts')).templates,
  programs: async () => (await import('./programs.ts')).programs,
};

/** For a separate process that is started with this bundle. */
export const foldAsChild = async (base: string, adapter: string, checks: boolean): Promise<void> =>
  (await import('./kills/folding.ts')).foldAsChild(base, adapter, checks);

export async function main(args: readonly string[]): Promise<void> {
  const { names, seed } = parse(args);
  const outcomes: Outcome[] = [];
  for (const name of names) {
    const campaign = await campaigns[name]!();
    const onTrial = (done: number, of: number) => {
      if (done === of || done % Math.ceil(of / 4) === 0) console.log(`${campaign.title}: ${done} of ${of}`);
    };
    const outcome = await runCampaign(campaign, { seed, onTrial });
    for (const { name: trial, why } of outcome.failures) console.log(`BROKEN  ${trial}\n        ${why}`);
    outcomes.push(outcome);
  }
  for (const { title, trials, failures, seconds } of outcomes)
    console.log(`${title.padEnd(20)} ${trials} trials, ${failures.length} broken, ${Math.round(seconds)} s`);
  const broken = outcomes.reduce((sum, { failures }) => sum + failures.length, 0);
  const all = outcomes.reduce((sum, { trials }) => sum + trials, 0);
  console.log(`${all - broken} passed, ${broken} failed`);
  if (broken || !all) process.exitCode = 1;
}

function parse(args: readonly string[]): { names: string[]; seed: number } {
  const at = args.indexOf('--seed');
  const seed = at < 0 ? 1 : Number(args[at + 1]);
  const named = at < 0 ? [...args] : args.filter((_, index) => index !== at && index !== at + 1);
  const unknown = named.filter((name) => !(name in campaigns));
  if (unknown.length || !Number.isInteger(seed))
    throw new Error(
      `usage: npm run attack -- [${Object.keys(campaigns).join('|')}] [--seed N]${unknown.length ? `; there is no ${unknown.join(', ')}` : ''}`,
    );
  return { names: named.length ? named : Object.keys(campaigns), seed };
}
