/**
 * Entry: `node dist/evaluator.mjs RUN_DIR [--tasks A,B] [--data TASK=FILE]... [--limit N] [--setting quick|paper] [--verbose]`.
 * JSON lines on stdout (src/protocol/evaluator.ts); writes evaluation/ only. SIGTERM stops it.
 */
import { parseArgs } from 'node:util';
import { reportError, UserError } from '../protocol/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import { evaluateRun, type EvaluateOptions } from './evaluate-run.ts';
import { settingNames, type SettingName } from './tasks/task.ts';

const emit = (message: EvaluatorMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);

function readArguments(): { dir: string; options: EvaluateOptions } {
  const usage = 'See "forget-me-not evaluate --help".';
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        tasks: { type: 'string' },
        data: { type: 'string', multiple: true },
        limit: { type: 'string' },
        setting: { type: 'string' },
        verbose: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UserError('bad-argument', `${(error as Error).message}.`, usage);
  }
  const { values, positionals } = parsed;
  const [dir] = positionals;
  if (!dir || positionals.length > 1)
    throw new UserError('bad-argument', 'One run directory is wanted.', usage);
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw new UserError(
      'bad-argument',
      `--limit wants a whole number above zero, not "${values.limit}".`,
      usage,
    );
  if (values.setting !== undefined && !settingNames.includes(values.setting as SettingName))
    throw new UserError(
      'bad-argument',
      `--setting is ${settingNames.join(' or ')}, not "${values.setting}".`,
      usage,
    );
  const pairs = (values.data ?? []).map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new UserError('bad-argument', `--data wants TASK=FILE, not "${text}".`, usage);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return {
    dir,
    options: {
      tasks: values.tasks?.split(',').filter(Boolean),
      data: Object.fromEntries(pairs),
      limit,
      setting: values.setting as SettingName | undefined,
    },
  };
}

const controller = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => controller.abort());

let code = 0;
try {
  const { dir, options } = readArguments();
  await evaluateRun(dir, { ...options, onEvent: emit, signal: controller.signal });
} catch (error) {
  const report = reportError(error);
  emit({ type: 'failed', ...report });
  const stack = report.code === 'internal' && process.argv.includes('--verbose');
  if (stack && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  code = 1;
}
// Native threads would keep the process alive; what was said must get out first.
process.stdout.write('', () => process.exit(code));
