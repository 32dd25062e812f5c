/** EXPERIMENT: rates of short runs that begin with the reference adapter. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openCorpus } from '../src/corpus/index.ts';
import { Resources, runSubject } from '../src/evaluation/resources.ts';
import { measureCounts } from '../src/evaluation/strength/choose.ts';
import { strengthTask } from '../src/evaluation/strength/task.ts';
import { readSpec } from '../src/runs/index.ts';
import { pairedIntervals } from '../src/statistics/intervals.ts';
import { fullBase, runKey, trained } from './gain/default-run.ts';
import { fetchRepository } from './gain/fetch.ts';
import { gainDir } from './gain/place.ts';
import { repositoriesNamed } from './gain/repositories.ts';
import { makeOwnHome } from './own-home.ts';

const tell = (text: string) => process.stderr.write(`${text}\n`);
export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      base: { type: 'string', default: '' },
      repository: { type: 'string', default: 'anta' },
      rates: { type: 'string', default: '9.2e-5,3e-5' },
      steps: { type: 'string', default: '75' },
      seq: { type: 'string', default: '512' },
      strengths: { type: 'string', default: '0.5,1' },
      cursors: { type: 'string', default: '40' },
    },
  });
  const signal = new AbortController().signal;
  const folder = await fetchRepository(repositoriesNamed([values.repository])[0]!, { signal, tell });
  for (const rate of values.rates.split(',')) {
    const how = [
      '--base',
      fullBase(values.base),
      '--steps',
      values.steps,
      '--seq',
      values.seq,
      '--lr',
      rate,
      '--no-rate-trials',
      '--strength',
      '1',
      '--eval-tasks',
      'none',
      '--measure-share',
      '0.01',
      '--humaneval',
      '0',
      '--retention',
      '0',
      '--held-out-windows',
      '1',
    ];
    const home = join(
      gainDir(),
      'rates',
      `${values.repository}-${await runKey([folder, how, [process.env['EXP_SERVED'] ?? '']])}`,
    );
    await mkdir(home, { recursive: true });
    await makeOwnHome(home);
    const began = performance.now();
    const dir = await trained(home, { name: `${values.repository} ${rate}`, folder }, how, {
      signal,
      tell: () => undefined,
    });
    tell(
      `${values.repository} ${process.env['EXP_SERVED'] ?? 'control'} seq ${values.seq} steps ${values.steps}: trained in ${Math.round((performance.now() - began) / 1000)} s`,
    );
    const spec = await readSpec(dir);
    const resources = new Resources(runSubject(dir, spec), strengthTask.contextTokens);
    try {
      const { items } = await strengthTask.plan({
        setting: 'quick',
        limit: Number(values.cursors),
        base: resources.base,
        run: {
          spec: { ...spec, evaluation: { ...spec.evaluation, retentionTexts: 8, humanevalProblems: 20 } },
          corpus: () => openCorpus(join(dir, 'corpus')),
        },
        warn: tell,
      });
      const context = { sandbox: () => resources.sandbox(), onScore: () => undefined, signal: undefined };
      const reference = await measureCounts((await resources.earlier())!, items, context);
      const base = await measureCounts(resources.base, items, context);
      const show = (a: typeof base, b: typeof base) => {
        const f = (x: { value: number; low: number; high: number }) =>
          `${x.value.toFixed(3)} [${x.low.toFixed(3)}, ${x.high.toFixed(3)}]`;
        const lines =
          b.offered && a.offered
            ? pairedIntervals(a.offered['exact lines' as never], b.offered['exact lines' as never])
            : undefined;
        return `bpb ${f(pairedIntervals(a.learned, b.learned).difference)} kl ${pairedIntervals(b.kl, b.kl).after.value.toFixed(3)} solutions ${pairedIntervals(base.solutions, b.solutions).difference.value.toFixed(3)} ${lines ? `lines ${lines.after.value.toFixed(3)} (${f(lines.difference)})` : Object.keys(b.offered ?? {}).join()}`;
      };
      tell(`${values.repository} base->reference: ${show(base, reference)}`);
      for (const strength of values.strengths.split(',').map(Number))
        tell(
          `${values.repository} rate ${rate} strength ${strength}: from reference ${show(reference, await measureCounts(await resources.result(strength), items, context))}`,
        );
    } finally {
      await resources.dispose();
    }
  }
}
