import { Command } from 'commander';
import { resolveBase } from '../../base-models/index.ts';
import { createCompleter, languageIdOf, type CursorDocument } from '../../completion/index.ts';
import { UserError } from '../../protocol/errors.ts';
import { BASE_MODEL, openLlamaHost } from '../../serving/engine/llama-host.ts';
import { toNumber } from '../../serving/http/server-args.ts';
import { printJson } from '../view/output.ts';
import { findServed } from '../processes/served-check.ts';
import { readText } from '../../protocol/regular-file.ts';

interface Options {
  run?: string;
  base?: string;
  adapter?: string;
  maxTokens?: string;
  json?: boolean;
}

export function completeCommand(): Command {
  return new Command('complete')
    .description('print the completion that an editor would show as ghost text at a place in a file')
    .argument('<file:line:column>', 'the cursor; lines and columns count from 1')
    .option('--run <run>', 'complete with the result of this run')
    .option('--base <base>', 'complete with this base, or with --adapter on it')
    .option('--adapter <file>', 'GGUF LoRA adapter for --base')
    .option('--max-tokens <n>', 'the most tokens of a completion', '64')
    .option('--json', 'print the text, or why there is none, the model and the time taken as JSON')
    .action(complete);
}

async function complete(place: string, options: Options): Promise<void> {
  const document = await readCursor(place);
  const maxTokens = toNumber('max-tokens', options.maxTokens, 1, 4096) ?? 64;
  const { name, ...files } = await chosenModel(options);
  const host = await openLlamaHost(files);
  const completer = createCompleter({
    fillInTheMiddle: () => host.fillInTheMiddle,
    maxTokens: () => maxTokens,
    request: async ({ model, prompt, suffix, maxTokens: most, stop }, signal) =>
      (await host.complete({ model, prompt, suffix, maxTokens: most, stop }, signal)).text,
  });
  const completion = await completer.complete({ ...document, adapter: name, invoked: true });
  const { quiet, latencyMs } = completer.statistics(name);
  const reason = Object.keys(quiet)[0];
  await host.dispose();
  if (options.json)
    return printJson({
      text: completion?.text ?? null,
      ...(completion ? {} : { reason }),
      model: name,
      milliseconds: latencyMs === undefined ? null : Math.round(latencyMs),
    });
  if (completion) console.log(completion.text);
  else process.stderr.write(`No completion: ${reasons[reason ?? ''] ?? reason}.\n`);
}

/** Why an editor would show no completion. */
const reasons: Record<string, string> = {
  blank: 'the model suggests nothing here',
  loop: 'the model only repeats itself',
  'repeats-above': 'the model only repeats the line above',
  'repeats-below': 'the model only repeats what already follows',
};

/** The model that completes, and its files. */
async function chosenModel({ run, base, adapter }: Options) {
  if (run) {
    const { name, basePath, adapters, models } = await findServed(run);
    return { name, basePath, adapters, models };
  }
  if (!base) throw new UserError('bad-argument', 'No model was given.', 'Give --run RUN or --base BASE.');
  const { path } = await resolveBase(base);
  if (!adapter) return { name: BASE_MODEL, basePath: path };
  return { name: 'adapter', basePath: path, adapters: [{ name: 'adapter', path: adapter }] };
}

async function readCursor(place: string): Promise<CursorDocument> {
  const match = /^(.+):(\d+):(\d+)$/.exec(place);
  if (!match)
    throw new UserError(
      'bad-argument',
      `"${place}" is not FILE:LINE:COLUMN.`,
      'Write, for example, src/main.ts:12:5.',
    );
  const [path, line, column] = [match[1]!, Number(match[2]), Number(match[3])];
  const text = await readText(path).catch(() => {
    throw new UserError('bad-argument', `The file ${path} can't be read.`, 'Check the path.');
  });
  const lines = text.split('\n');
  const current = lines[line - 1];
  if (current === undefined || column < 1 || column > current.length + 1)
    throw new UserError(
      'bad-argument',
      `${path} has no line ${line} with a column ${column}.`,
      `It has ${lines.length} lines.`,
    );
  const offset = lines.slice(0, line - 1).reduce((sum, above) => sum + above.length + 1, 0) + column - 1;
  return { path, languageId: languageIdOf(path), before: text.slice(0, offset), after: text.slice(offset) };
}
