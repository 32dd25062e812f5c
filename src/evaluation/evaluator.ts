/**
 * Entry point: `node dist/evaluator.mjs RUN_DIR|--model FILE [--name NAME] [--checkpoint STEP] [--tasks A,B] [--data
 * TASK=FILE]... [--limit N] [--setting quick|paper] [--check] [--timed] [--verbose]`. JSON lines on stdout
 * (src/protocol/evaluator.ts); writes the run's evaluation/ and the cache. The line "stop" from the parent
 * process and SIGTERM stop it.
 */
import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { resolveBase } from '../base-models/resolve.ts';
import { handleStop } from '../platform/processes/child.ts';
import { reportError, UserError } from '../text/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import { evaluateCheckpoint } from './evaluate-checkpoint.ts';
import { evaluateModel } from './evaluate-model.ts';
import { evaluateRun } from './evaluate-run.ts';
import type { EvaluateOptions } from './measure.ts';
import { checkRun } from './served-check.ts';
import { settingNames, type SettingName } from './task.ts';

const emit = (message: EvaluatorMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

interface Arguments {
  /** The run's directory, or the model's file. */
  dir: string | undefined;
  model: { path: string; name: string | undefined } | undefined;
  /** Step of a checkpoint of the run; 0 is its base. */
  checkpoint: number | undefined;
  /** Only check that the served model matches the trained one. */
  check: boolean;
  options: EvaluateOptions;
}

function readArguments(): Arguments {
  const usage = 'See {options evaluate}.';
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        model: { type: 'string' },
        name: { type: 'string' },
        checkpoint: { type: 'string' },
        tasks: { type: 'string' },
        data: { type: 'string', multiple: true },
        limit: { type: 'string' },
        setting: { type: 'string' },
        check: { type: 'boolean', default: false },
        timed: { type: 'boolean', default: false },
        verbose: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UserError('bad-argument', `${(error as Error).message}.`, usage);
  }
  const { values, positionals } = parsed;
  const [dir] = positionals;
  const { model, name } = values;
  if (positionals.length + (model ? 1 : 0) !== 1)
    throw new UserError('bad-argument', 'Give either one run directory or one model.', usage);
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw new UserError(
      'bad-argument',
      `--limit must be a whole number above zero, not "${values.limit}".`,
      usage,
    );
  const checkpoint = values.checkpoint === undefined ? undefined : Number(values.checkpoint);
  if (checkpoint !== undefined && !(Number.isInteger(checkpoint) && checkpoint >= 0))
    throw new UserError('bad-argument', `--checkpoint must be a step, not "${values.checkpoint}".`, usage);
  if (checkpoint !== undefined && model !== undefined)
    throw new UserError('bad-argument', 'A model has no checkpoints; only runs have.', usage);
  if (values.check && (model !== undefined || checkpoint !== undefined))
    throw new UserError('bad-argument', '--check needs the result of a run.', usage);
  if (values.setting !== undefined && !settingNames.includes(values.setting as SettingName))
    throw new UserError(
      'bad-argument',
      `--setting must be ${settingNames.join(' or ')}, not "${values.setting}".`,
      usage,
    );
  const pairs = (values.data ?? []).map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new UserError('bad-argument', `--data must be TASK=FILE, not "${text}".`, usage);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return {
    dir,
    model: model === undefined ? undefined : { path: model, name },
    checkpoint,
    check: values.check,
    options: {
      tasks: values.tasks?.split(',').filter(Boolean),
      data: Object.fromEntries(pairs),
      limit,
      timed: values.timed,
      setting: values.setting as SettingName | undefined,
    },
  };
}

const controller = new AbortController();
// Every answer in progress listens to it, and there are many at a time.
setMaxListeners(0, controller.signal);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => controller.abort());
handleStop();

let code = 0;
try {
  const { dir, model, checkpoint, check, options: asked } = readArguments();
  const options = { ...asked, onEvent: emit, signal: controller.signal };
  if (model) {
    const base = await resolveBase(model.path);
    await evaluateModel({ ...base, id: model.name ?? base.id }, options);
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
