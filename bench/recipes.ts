/**
 * Compares how much recipes forget for a given amount of learning: the default at several strengths, and plain LoRA and
 * full fine-tuning at several lengths, all on one repository: `npm run bench:recipes -- [--repository anta] [--folder
 * PATH] [--base B] [--steps 60] [--cursors 48] [--without "plain full"] [--json]`. Continues where it stopped.
 */
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openCorpus } from '../src/corpus/index.ts';
import { Resources, runSubject } from '../src/evaluation/resources.ts';
import { scoreItems } from '../src/evaluation/scoring/score-items.ts';
import { strengthPoint, type StrengthCounts } from '../src/findings/strength-rule.ts';
import { partsOf } from '../src/evaluation/metrics/compare.ts';
import { KL, SOLUTIONS, strengthTask, type StrengthItem } from '../src/evaluation/strength/task.ts';
import type { EvaluatedModel, ItemScore } from '../src/evaluation/task.ts';
import { BITS, type StrengthPoint } from '../src/protocol/evaluation.ts';
import { dataDir } from '../src/platform/files/paths.ts';
import { readSpec } from '../src/runs/index.ts';
import { commandLine } from './gain/command-line.ts';
import { fullBase, runKey, trained } from './gain/default-run.ts';
import { fetchRepository } from './gain/fetch.ts';
import { gainDir } from './gain/place.ts';
import { repositoriesNamed } from './gain/repositories.ts';
import { makeOwnHome } from './own-home.ts';
import { betweenPoints, tableOf, type Path } from './recipes/paths.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  repository: { type: 'string', default: 'anta' },
  folder: { type: 'string' },
  steps: { type: 'string', default: '60' },
  cursors: { type: 'string', default: '48' },
  without: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
} as const;

interface Recipe {
  name: string;
  train: readonly string[];
  /** Lengths of its runs, as a share of `--steps`. */
  lengths: readonly number[];
  strengths: readonly number[];
}

/** As in papers: AdamW at its usual rate, without fill-in-the-middle and recency weighting. */
const PLAIN = ['--no-reference', '--optimizer', 'adamw', '--fim-rate', '0', '--half-life', '0'];
const recipes: readonly Recipe[] = [
  { name: 'default', train: [], lengths: [1], strengths: [0.25, 0.5, 0.75, 1] },
  { name: 'plain LoRA', train: PLAIN, lengths: [0.25, 0.5, 1], strengths: [1] },
  { name: 'plain full', train: ['--method', 'full', ...PLAIN], lengths: [0.25, 0.5, 1], strengths: [1] },
];
/** Options that keep the runs from measuring and choosing anything themselves. */
const UNMEASURED = ['--strength', '1', '--eval-tasks', 'none', '--measure-share', '0.01'];
const BESIDE = ['--humaneval', '0', '--retention', '0', '--held-out-windows', '1'];
/** Numbers of texts and solutions for measuring forgetting. */
const MEASURED = { retentionTexts: 16, humanevalProblems: 12 };

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const stop = new AbortController();
  process.once('SIGINT', () =>
    stop.abort(new Error('Stopped. The same command continues where it stopped.')),
  );
  await commandLine(dataDir(), ['runtime', 'install', '--yes'], stop.signal);
  const folder = values.folder
    ? resolve(values.folder)
    : await fetchRepository(repositoriesNamed([values.repository])[0]!, { signal: stop.signal, tell });
  const paths: Path[] = [];
  for (const { name, train, lengths, strengths } of recipes) {
    if (values.without.includes(name)) continue;
    const points: StrengthPoint[] = [];
    for (const length of lengths) {
      const steps = Math.max(1, Math.round(length * Number(values.steps)));
      const how = [
        '--base',
        fullBase(values.base),
        '--steps',
        String(steps),
        ...UNMEASURED,
        ...BESIDE,
        ...train,
      ];
      const run = await runOf(folder, how, { name: `${name}, ${steps} steps`, signal: stop.signal });
      points.push(...(await measured(run, strengths, Number(values.cursors))));
    }
    paths.push({ name, points });
  }
  const compared = betweenPoints(paths);
  console.log(values.json ? JSON.stringify({ paths, compared }) : tableOf(paths, compared));
}

const tell = (text: string) => process.stderr.write(`${text}\n`);

async function runOf(
  folder: string,
  how: readonly string[],
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<string> {
  const home = join(gainDir(), 'recipes', `${basename(folder)}-${await runKey([folder, how])}`);
  await makeOwnHome(home);
  return trained(home, { name, folder }, how, { signal, tell });
}

/** Measures the run at each strength, on the same items for every recipe regardless of what its run holds out. */
async function measured(
  dir: string,
  strengths: readonly number[],
  cursors: number,
): Promise<StrengthPoint[]> {
  const spec = await readSpec(dir);
  const resources = new Resources(runSubject(dir, spec), strengthTask.contextTokens);
  try {
    const { items } = await strengthTask.plan({
      setting: 'quick',
      limit: cursors,
      base: resources.base,
      run: {
        spec: { ...spec, evaluation: { ...spec.evaluation, ...MEASURED } },
        corpus: () => openCorpus(join(dir, 'corpus')),
      },
      warn: tell,
    });
    const context = { sandbox: () => resources.sandbox(), onScore: () => undefined, signal: undefined };
    const countsOf = async (model: EvaluatedModel) =>
      toCounts(items, await scoreItems(strengthTask, items, model, context));
    tell(`measuring: the base, on ${items.length} items`);
    const before = await countsOf(resources.base);
    const points: StrengthPoint[] = [];
    for (const strength of strengths) {
      tell(`measuring: at strength ${strength}`);
      const at = await countsOf(await resources.result(strength));
      points.push(strengthPoint(strength, { before, at }));
    }
    return points;
  } finally {
    await resources.dispose();
  }
}

function toCounts(items: readonly StrengthItem[], scores: readonly ItemScore[]): StrengthCounts {
  const of = (metric: string) => partsOf(metric, scores, items);
  return { learned: of(BITS), kl: of(KL), solutions: of(SOLUTIONS) };
}
