/**
 * Which cheap metric predicts that a result got worse at what the base could do? Trains results from harmless to
 * harmful, measures each at several strengths by cheap metrics and by HumanEval and completions in another language,
 * and prints how well each cheap metric ranks the losses: `node bench/run.mjs harm [--base B] [--problems 82] [--json]`.
 * Continues where it stopped.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openCorpus } from '../src/corpus/index.ts';
import { Resources, runSubject } from '../src/evaluation/resources.ts';
import { scoreItems } from '../src/evaluation/scoring/score-items.ts';
import { KL, LEARNED, SOLUTIONS, strengthTask } from '../src/evaluation/strength/task.ts';
import {
  createItem,
  type EvaluatedModel,
  type Item,
  type ItemScore,
  type Task,
} from '../src/evaluation/task.ts';
import { humanevalTask } from '../src/evaluation/tasks/humaneval.ts';
import { dataDir } from '../src/platform/files/paths.ts';
import { CHARACTERS, EXACT_LINES } from '../src/protocol/evaluation.ts';
import { readSpec } from '../src/runs/index.ts';
import { sum, type RatioItem } from '../src/statistics/statistics.ts';
import { commandLine } from './gain/command-line.ts';
import { fullBase, runKey, trained } from './gain/default-run.ts';
import { fetchRepository } from './gain/fetch.ts';
import { gainDir } from './gain/place.ts';
import { repositoriesNamed } from './gain/repositories.ts';
import { rankTable, type HarmPoint } from './harm/ranks.ts';
import { makeOwnHome } from './own-home.ts';

const options = {
  base: { type: 'string', default: 'qwen2.5-coder-0.5b' },
  problems: { type: 'string', default: '82' },
  json: { type: 'boolean', default: false },
} as const;

interface Recipe {
  name: string;
  repository: string;
  /** Whose held-out cursors show what became of another language. */
  elsewhere: string;
  train: readonly string[];
  strengths: readonly number[];
}
const rate = (lr: string, ...more: string[]) => ['--lr', lr, '--steps', '40', ...more];
/** As in papers: AdamW, without fill-in-the-middle and recency weighting. */
const PLAIN = ['--no-reference', '--optimizer', 'adamw', '--fim-rate', '0', '--half-life', '0'];
const python = { repository: 'anta', elsewhere: 'tanstack-db' };
const typescript = { repository: 'tanstack-db', elsewhere: 'anta' };
const recipes: readonly Recipe[] = [
  { ...python, name: 'default', train: rate('1e-4'), strengths: [0.5, 1, 2] },
  { ...typescript, name: 'TypeScript, 3e-4', train: rate('3e-4'), strengths: [0.25, 0.5, 1] },
  { ...python, name: '1e-3', train: rate('1e-3'), strengths: [0.25, 0.5] },
  { ...python, name: 'instructions', train: rate('1e-4', '--mode', 'instruct'), strengths: [1, 2] },
  { ...python, name: 'plain', train: rate('3e-4', ...PLAIN), strengths: [0.5, 1] },
  { ...python, name: '3e-4', train: rate('3e-4'), strengths: [0.25, 0.5, 1] },
  { ...typescript, name: 'TypeScript, 1e-3', train: rate('1e-3'), strengths: [0.25, 0.5] },
];
/** Options that keep the runs from measuring and choosing anything themselves. */
const UNMEASURED = ['--no-rate-trials', '--strength', '1', '--eval-tasks', 'none', '--measure-share', '0.01'];
const BESIDE = ['--humaneval', '0', '--retention', '0', '--held-out-windows', '1'];
const CURSORS = 24;
const WINDOWS = { length: 512, count: 8 };

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const stop = new AbortController();
  process.once('SIGINT', () =>
    stop.abort(new Error('Stopped. The same command continues where it stopped.')),
  );
  // The sandbox looks for its bundles beside this one.
  const here = dirname(fileURLToPath(import.meta.url));
  for (const name of ['sandbox-host.mjs', 'sandbox-interpreter.mjs'])
    await symlink(join(here, '..', '..', 'dist', name), join(here, name));
  await commandLine(dataDir(), ['runtime', 'install', '--yes'], stop.signal);
  const runOf = async ({ name, repository, train }: Recipe): Promise<string> => {
    const [named] = repositoriesNamed([repository]);
    const folder = await fetchRepository(named!, { signal: stop.signal, tell });
    const how = ['--base', fullBase(values.base), ...UNMEASURED, ...BESIDE, ...train];
    const home = join(gainDir(), 'harm', `${repository}-${await runKey([folder, how])}`);
    await mkdir(home, { recursive: true });
    await makeOwnHome(home);
    return trained(home, { name: `${repository}, ${name}`, folder }, how, { signal: stop.signal, tell });
  };
  const points: HarmPoint[] = [];
  for (const recipe of recipes) {
    const dir = await runOf(recipe);
    const other = await runOf(recipes.find(({ repository }) => repository === recipe.elsewhere)!);
    points.push(...(await measured(recipe, { dir, other, problems: Number(values.problems) })));
    tell(rankTable(points));
  }
  console.log(values.json ? JSON.stringify(points) : rankTable(points));
}

const tell = (text: string) => process.stderr.write(`${text}\n`);

interface HarmWindow extends Item {
  kind: 'new' | 'elsewhere';
  tokens: number[];
}
const KL_NEW = 'KL on new code';
const LOSS_ELSEWHERE = 'loss of other languages';
/** The KL on code that was to be learned (as "RL's Razor" has it), and the loss of code in another language. */
const windowTask: Task<HarmWindow> = {
  name: 'harm-windows',
  title: 'Windows',
  version: 1,
  cost: 1,
  plan: () => Promise.reject(new Error('has no plan')),
  prepare: (items, model) =>
    model.expectKl(items.filter(({ kind }) => kind === 'new').map(({ tokens }) => Int32Array.from(tokens))),
  async score({ kind, tokens }, model): Promise<ItemScore> {
    const text = Int32Array.from(tokens);
    const values = kind === 'new' ? await model.klFromBase(text) : await model.tokenLosses(text);
    const metric = kind === 'new' ? KL_NEW : LOSS_ELSEWHERE;
    return { parts: { [metric]: { sum: sum(values), weight: values.length } } };
  },
};

async function measured(
  { name, repository, strengths }: Recipe,
  { dir, other, problems }: { dir: string; other: string; problems: number },
): Promise<HarmPoint[]> {
  const resources = new Resources(runSubject(dir, await readSpec(dir)), strengthTask.contextTokens);
  const context = { sandbox: () => resources.sandbox(), onScore: () => undefined, signal: undefined };
  const planFor = async (of: string, counts: { retentionTexts: number; humanevalProblems: number }) => {
    const spec = await readSpec(of);
    const run = {
      spec: { ...spec, evaluation: { ...spec.evaluation, ...counts } },
      corpus: () => openCorpus(join(of, 'corpus')),
    };
    const { items } = await strengthTask.plan({
      setting: 'quick',
      limit: CURSORS,
      base: resources.base,
      run,
      warn: tell,
    });
    return items;
  };
  const windowsOf = async (of: string, kind: HarmWindow['kind']) =>
    (await openCorpus(join(of, 'corpus')))
      .heldOutSequences(WINDOWS.length, WINDOWS.count)
      .map(({ tokens }, at) => createItem(`${kind} ${at}`, { kind, tokens: [...tokens] }));
  try {
    const own = await planFor(dir, { retentionTexts: 16, humanevalProblems: 40 });
    const elsewhere = await planFor(other, { retentionTexts: 0, humanevalProblems: 0 });
    const windows = [...(await windowsOf(dir, 'new')), ...(await windowsOf(other, 'elsewhere'))];
    const { items: humaneval } = await humanevalTask.plan({
      setting: 'quick',
      limit: problems,
      base: resources.base,
      warn: tell,
    });
    const scoresOf = async (model: EvaluatedModel) => {
      const began = performance.now();
      const found = {
        own: partsOf(await scoreItems(strengthTask, own, model, context)),
        elsewhere: partsOf(await scoreItems(strengthTask, elsewhere, model, context)),
        windows: partsOf(await scoreItems(windowTask, windows, model, context)),
        humaneval: partsOf(await scoreItems(humanevalTask, humaneval, model, context)),
      };
      tell(`  ${model.name}: ${Math.round((performance.now() - began) / 1000)} s`);
      return found;
    };
    const before = await scoresOf(resources.base);
    const points: HarmPoint[] = [];
    for (const strength of strengths) {
      tell(`${repository}, ${name}, at strength ${strength}`);
      const at = await scoresOf(await resources.result(strength));
      const change = (part: keyof typeof at, metric: string) =>
        (ratio(at[part][metric]) ?? NaN) - (ratio(before[part][metric]) ?? 0);
      points.push({
        name: `${repository}, ${name}`,
        strength,
        harm: {
          'pass@1': -change('humaneval', 'pass@1'),
          'exact lines elsewhere': -change('elsewhere', EXACT_LINES),
          'characters elsewhere': -change('elsewhere', CHARACTERS),
          'bits elsewhere': change('elsewhere', LEARNED),
        },
        cheap: {
          'KL on own text': ratio(at.own[KL]) ?? NaN,
          [KL_NEW]: ratio(at.windows[KL_NEW]) ?? NaN,
          [SOLUTIONS]: change('own', SOLUTIONS),
          [LOSS_ELSEWHERE]: change('windows', LOSS_ELSEWHERE),
          'bits on own code': change('own', LEARNED),
        },
      });
      tell(JSON.stringify(points.at(-1)));
    }
    return points;
  } finally {
    await resources.dispose();
  }
}

/** The totals of each metric. */
function partsOf(scores: readonly ItemScore[]): Record<string, RatioItem | undefined> {
  const totals: Record<string, RatioItem> = {};
  for (const { parts } of scores)
    for (const [metric, { sum, weight }] of Object.entries(parts)) {
      const total = (totals[metric] ??= { sum: 0, weight: 0 });
      totals[metric] = { sum: total.sum + sum, weight: total.weight + weight };
    }
  return totals;
}

const ratio = (part: RatioItem | undefined) => part && part.sum / part.weight;
