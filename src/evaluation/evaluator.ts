/**
 * Entry point: `node dist/evaluator.mjs RUN_DIR|--model FILE [--name NAME] [--checkpoint STEP] [--tasks A,B] [--data
 * TASK=FILE]... [--limit N] [--setting quick|paper] [--check] [--timed] [--verbose]`. JSON lines on stdout
 * (src/protocol/evaluator.ts); writes the run's evaluation/ and the cache. The line "stop" from the parent
 * process and SIGTERM stop it.
 */
import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { resolveBase } from '../base-models/resolve.ts';
import { handleStop } from '../platform/processes/child.ts';
import { reportError, UserError } from '../text/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import { evaluateCheckpoint } from './evaluate-checkpoint.ts';
import { evaluateModel } from './evaluate-model.ts';
import { evaluateRun } from './evaluate-run.ts';
import { checkRun } from './served-check.ts';
import { settingNames } from './task.ts';

const emit = (message: EvaluatorMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const whole = z.coerce.number().int();
const argumentsSchema = z.object({
  model: z.string().optional(),
  name: z.string().optional(),
  checkpoint: whole.min(0).optional(),
  tasks: z.string().optional(),
  data: z.array(z.string().regex(/^[^=]+=/, 'must be TASK=FILE')).default([]),
  limit: whole.min(1).optional(),
  setting: z.enum(settingNames).optional(),
  check: z.boolean(),
  timed: z.boolean(),
});

/** The command line has checked them. `dir`: the run's, without a model. */
function readArguments() {
  const options = { model: text, name: text, checkpoint: text, tasks: text, limit: text, setting: text };
  const flags = { check: flag, timed: flag, verbose: flag };
  const data = { ...text, multiple: true } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...options, data, ...flags },
  });
  const { tasks, data: pairs, ...rest } = argumentsSchema.parse(values);
  const [dir] = positionals;
  if (positionals.length + (rest.model ? 1 : 0) !== 1)
    throw new UserError(
      'bad-argument',
      'Give either one run directory or one model.',
      'See {options evaluate}.',
    );
  return {
    ...rest,
    dir,
    tasks: tasks?.split(',').filter(Boolean),
    data: Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s) as [string, string])),
  };
}

const controller = new AbortController();
// Every answer in progress adds a listener, and there are many at a time.
setMaxListeners(0, controller.signal);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => controller.abort());
handleStop();

let code = 0;
try {
  const { dir, model, name, checkpoint, check, ...asked } = readArguments();
  const options = { ...asked, onEvent: emit, signal: controller.signal };
  if (model) {
    const base = await resolveBase(model);
    await evaluateModel({ ...base, id: name ?? base.id }, options);
  } else if (checkpoint !== undefined) await evaluateCheckpoint(dir!, checkpoint, options);
  else if (check) await checkRun(dir!, options);
  else await evaluateRun(dir!, options);
} catch (error) {
  const report = reportError(error);
  emit({ type: 'failed', ...report });
  const stack = report.code === 'internal' && process.argv.includes('--verbose');
  if (stack && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  code = 1;
}
// Native threads would keep the process alive, so it exits explicitly, after stdout is flushed.
process.stdout.write('', () => process.exit(code));
