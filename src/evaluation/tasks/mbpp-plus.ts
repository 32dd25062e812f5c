/**
 * MBPP+ (Liu et al. 2023, arXiv 2305.01210): 378 Python functions to write from a sentence and an example, with some
 * hundred tests each. As in EvalPlus for bases: the sentence and the first test in a docstring, from which the model
 * continues. `pass@k` counts MBPP's own tests, `pass@k plus` those and EvalPlus's.
 */
import { z } from 'zod';
import { taskFacts } from '../../findings/task-facts.ts';
import { passAtK } from '../../statistics/statistics.ts';
import { chooseRows, rowFormat, type Benchmark } from '../scoring/rows.ts';
import {
  createItem,
  type EvaluatedModel,
  type Item,
  type Measure,
  type ScoreContext,
  type Task,
} from '../task.ts';
import { describeSampling, samplings } from './humaneval.ts';
import { msg } from '../../text/message.ts';

const row = z.object({
  /** A number on the hub, a text in EvalPlus's own files. */
  task_id: z.union([z.int(), z.bigint(), z.string()]).transform(String),
  prompt: z.string(),
  code: z.string(),
  test_imports: z.array(z.string()),
  test_list: z.array(z.string()).min(1),
  test: z.string(),
});
export type MbppProblem = z.output<typeof row>;

const benchmark: Benchmark<MbppProblem> = {
  name: 'mbpp_plus',
  ...taskFacts.mbpp_plus,
  source: 'evalplus/mbppplus:data/test-00000-of-00001-d5781c9c51e02795.parquet',
  formats: [rowFormat(row, (values) => values)],
  quick: 20,
};

export const mbppPrompt = ({ prompt, test_list: [example] }: MbppProblem): string =>
  `"""\n${prompt.trim()}\n${example!}\n"""\n`;

/** Texts at which the answer has ended: EvalPlus's, and the end of a code fence. */
const STOP = ['\n"""', '\nassert', '\nif __name__', '\ndef main(', '\nprint(', '\n```'];

/** EvalPlus's tests compare floats with numpy, which the sandbox lacks. This is the small part of it that they use. */
const NUMPY = `import sys as _sys, types as _types
try:
    import numpy
except ImportError:
    class _Array: pass
    def _close(a, b, rtol, atol):
        if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
            return len(a) == len(b) and all(_close(x, y, rtol, atol) for x, y in zip(a, b))
        return a == b or (a != a and b != b) or abs(a - b) <= atol + rtol * abs(b)
    _numpy = _types.ModuleType('numpy')
    _numpy.ndarray, _numpy.float64, _numpy.float32 = _Array, float, float
    _numpy.allclose = lambda a, b, rtol=1e-05, atol=1e-08: _close(a, b, rtol, atol)
    _sys.modules['numpy'] = _numpy
`;

/** The programs that judge an answer: with MBPP's tests, and with EvalPlus's. */
export const mbppPrograms = (
  { test_imports: imports, test_list: tests, test }: MbppProblem,
  code: string,
) => ({
  base: [...imports, code, ...tests].join('\n'),
  plus: [...imports, code, NUMPY + test].join('\n'),
});

interface MbppItem extends Item {
  problem: MbppProblem;
  sampling: (typeof samplings)['paper'];
}

const plusMetric = (k: number) => `pass@${k} plus`;

async function answer(
  { problem, sampling }: MbppItem,
  seed: number,
  model: EvaluatedModel,
  { sandbox, signal }: ScoreContext,
) {
  const { temperature, topP, maxTokens } = sampling;
  const prompt = mbppPrompt(problem);
  const { text } = await model.complete({ prompt, maxTokens, temperature, topP, stop: STOP, seed }, signal);
  const programs = mbppPrograms(problem, text);
  const judge = await sandbox();
  const base = await judge.run(programs.base);
  // An answer that fails MBPP's own tests has failed.
  const plus = base.outcome === 'passed' ? await judge.run(programs.plus) : base;
  return { completion: text, base, plus };
}

export const mbppPlusTask: Task<MbppItem> = {
  name: 'mbpp_plus',
  ...taskFacts.mbpp_plus,
  version: 2,
  onlyByName: true,
  contextTokens: 1024,
  parallel: 32,
  async plan(context) {
    const sampling = samplings[context.setting];
    const { n, maxTokens, ks } = sampling;
    const { rows, total: of } = await chooseRows(benchmark, context);
    const metrics = ks.flatMap((k) => [`pass@${k}`, plusMetric(k)]);
    return {
      items: rows.map(({ value }) => createItem(`Mbpp/${value.task_id}`, { problem: value, sampling })),
      setting: msg`${rows.length} of ${of} problems, ${describeSampling(sampling)}, at most ${maxTokens} tokens`,
      measures: metrics.map((metric): Measure => ({
        metric,
        unit: '',
        better: 'higher',
        binary: n === 1,
      })),
    };
  },
  async score(item, model, context) {
    const { n, ks } = item.sampling;
    const answers = await Promise.all(
      Array.from({ length: n }, (_, seed) => answer(item, seed, model, context)),
    );
    const passed = (tests: 'base' | 'plus') =>
      answers.filter((answer) => answer[tests].outcome === 'passed').length;
    const parts = ks.flatMap((k) => [
      [`pass@${k}`, { sum: passAtK(n, passed('base'), k), weight: 1 }],
      [plusMetric(k), { sum: passAtK(n, passed('plus'), k), weight: 1 }],
    ]);
    return { parts: Object.fromEntries(parts), detail: answers };
  },
};
