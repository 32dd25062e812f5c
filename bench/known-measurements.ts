/**
 * Writes src/base-models/known-measurements.json: what a known base and its reference adapter score, so that no user's
 * machine measures it again. All 164 problems of HumanEval, greedily, in the trainer's precision; the base's own texts,
 * and how far the reference adapter has moved on them. Needs a finished run on that base; about 20 minutes on two cores,
 * and continues where it stopped.
 *
 *     node bench/run.mjs known-measurements RUN_DIRECTORY
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setMaxListeners } from 'node:events';
import {
  DIGEST_LENGTH,
  knownMeasurementsSchema,
  type KnownMeasurements,
} from '../src/base-models/known-measurements.ts';
import { baseSubject, lazyCorpus, Resources } from '../src/evaluation/resources.ts';
import { openSandbox } from '../src/evaluation/sandbox/sandbox.ts';
import { scoreItems } from '../src/evaluation/scoring/score-items.ts';
import { planStrength, strengthTask } from '../src/evaluation/strength/task.ts';
import type { EvaluatedModel, Item, Task } from '../src/evaluation/task.ts';
import { humanevalTask } from '../src/evaluation/tasks/humaneval.ts';
import { readSpec } from '../src/runs/index.ts';
import { sampledTexts, type SampledText } from '../src/serving/host/sampled-texts.ts';

const TEXTS = { count: 16, tokens: 128 };
const OUT = 'src/base-models/known-measurements.json';

export async function main([dir]: string[]): Promise<void> {
  const spec = await readSpec(dir!);
  const resources = new Resources(baseSubject(dir!, spec), 1024);
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const { base } = resources;
  const reference = await resources.before();
  const plan = { setting: 'quick' as const, base, warn: console.warn, signal };
  const scoresOf = async (task: Task, wanted: readonly [EvaluatedModel, readonly Item[]][]) => {
    const scores: KnownMeasurements[0]['tasks'][0]['scores'] = {};
    let metrics: string[] = [];
    for (const [model, items] of wanted) {
      const context = { sandbox: () => openSandbox({ host: join('dist', 'sandbox-host.mjs') }), signal };
      const found = await scoreItems(task, items, model, { ...context, onScore: () => undefined });
      metrics = Object.keys(found[0]!.parts);
      const rounded = (value: number) => Number(value.toPrecision(7));
      scores[model.digest] = Object.fromEntries(
        found.map(({ parts }, at) => [
          items[at]!.digest.slice(0, DIGEST_LENGTH),
          metrics.map((metric) => [rounded(parts[metric]!.sum), parts[metric]!.weight] as [number, number]),
        ]),
      );
    }
    return { task: `${task.name}.v${task.version}`, metrics, scores };
  };
  const written: SampledText[] = [];
  const how = { purpose: 'retention' as const, baseSha256: base.digest, tokens: TEXTS.tokens, signal };
  const host = () => Promise.resolve({ complete: base.complete });
  for await (const text of sampledTexts({ ...how, host, model: base.name }))
    if (written.push(text) >= TEXTS.count) break;
  const problems = (await humanevalTask.plan({ ...plan, limit: 164 })).items;
  const { forgotten } = await planStrength({ ...plan, limit: 1, run: { spec, corpus: lazyCorpus(dir!) } });
  const ofKind = (kind: string) => forgotten.filter((item) => item.kind === kind);
  const known = [
    {
      base: base.digest,
      precision: await base.precision(),
      texts: { tokens: TEXTS.tokens, written },
      tasks: [
        await scoresOf(humanevalTask as Task, [
          [base, problems],
          [reference, problems],
        ]),
        await scoresOf(strengthTask as Task, [[base, ofKind('solution')]]),
        await scoresOf(strengthTask as Task, [[reference, ofKind('text')]]),
      ],
    },
  ];
  writeFileSync(OUT, `${JSON.stringify(knownMeasurementsSchema.parse(known))}\n`);
  for (const items of Object.values(known[0]!.tasks[0]!.scores))
    console.log(
      Object.values(items).reduce((sum, [passed]) => sum + passed![0], 0),
      'of 164',
    );
  await resources.dispose();
  process.exit(0);
}
