import { Command } from 'commander';
import { resolveBase } from '../../../base-models/index.ts';
import { REFERENCE_MODEL } from '../../../protocol/run.ts';
import { networkFetch } from '../../../platform/network/http.ts';
import {
  createCompleter,
  languageIdForPath,
  type CompleterOptions,
  type CursorDocument,
} from '../../../completion/index.ts';
import { UserError } from '../../../text/errors.ts';
import { toServerRequest } from '../../../serving/client/completion-client.ts';
import { BASE_MODEL, openLlamaHost } from '../../../serving/host/llama-host.ts';
import { parseEndpoint } from '../../../serving/remote/address.ts';
import { describeServer } from '../../../serving/remote/probe.ts';
import { RemoteClient } from '../../../serving/remote/remote-client.ts';
import { toNumber } from '../../../serving/http/server-args.ts';
import { note, printJson, printText } from '../../view/output.ts';
import { referenceAdapterOf } from '../../machine/reference-adapter.ts';
import { findServed } from '../../processes/served-check.ts';
import { readText } from '../../../platform/files/regular-file.ts';
import { SERVER_TOKEN } from './serve-on.ts';

interface Options {
  run?: string;
  base?: string;
  adapter?: string;
  endpoint?: string;
  model?: string;
  maxTokens?: string;
  json?: boolean;
}

export function completeCommand(): Command {
  return new Command('complete')
    .description('print the completion that an editor would show as ghost text at a place in a file')
    .argument('<file:line:column>', 'the cursor; lines and columns count from 1')
    .option('--run <run>', 'complete with the result of this run')
    .option('--base <base>', 'complete with this base and its reference adapter, or with --adapter on it')
    .option('--adapter <file>', 'GGUF LoRA adapter for --base')
    .option(
      '--endpoint <url>',
      'complete with an OpenAI-compatible server (vLLM, llama.cpp, Ollama, serve): sends the text around the cursor there',
    )
    .option('--model <name>', "name of the server's model, if it has several")
    .option('--max-tokens <n>', 'maximum number of tokens of a completion', '64')
    .option('--json', 'print the text, or why there is none, the model and the time taken as JSON')
    .addHelpText(
      'after',
      `\nThe server of --endpoint gets the value of ${SERVER_TOKEN} as bearer token, if it is set.`,
    )
    .action(complete);
}

async function complete(cursor: string, options: Options): Promise<void> {
  const document = await readCursor(cursor);
  const maxTokens = toNumber('max-tokens', options.maxTokens, 1, 4096)!;
  const { name, dispose, ...model } = await (options.endpoint
    ? openRemoteModel(options)
    : openLocalModel(options));
  const completer = createCompleter(model);
  const completion = await completer
    .complete({ ...document, adapter: name, maxTokens, invoked: true })
    .finally(() => dispose());
  const { quiet, latencyMs } = completer.statistics(name);
  const reason = Object.keys(quiet)[0];
  if (options.json)
    return printJson({
      text: completion?.text ?? null,
      ...(completion ? {} : { reason }),
      model: name,
      milliseconds: latencyMs === undefined ? null : Math.round(latencyMs),
    });
  if (completion) printText(completion.text);
  else note(`No completion: ${reasons[reason ?? ''] ?? reason}.`);
}

type ChosenModel = Pick<CompleterOptions, 'fillInTheMiddle' | 'request'> & {
  name: string;
  dispose: () => Promise<void>;
};

async function openLocalModel(options: Options): Promise<ChosenModel> {
  const { name, ...files } = await chosenModel(options);
  const host = await openLlamaHost(files);
  return {
    name,
    fillInTheMiddle: () => host.fillInTheMiddle,
    request: (asked, signal) => host.complete(asked, signal),
    dispose: () => host.dispose(),
  };
}

/** Connects to a model on a remote server, which is described on stderr. */
async function openRemoteModel(options: Options): Promise<ChosenModel> {
  const { endpoint: address = '', model = '', run, base, adapter } = options;
  if ([run, base, adapter].some((option) => option !== undefined))
    throw new UserError(
      'bad-argument',
      'Both a server and a model of this machine were given.',
      'Give --endpoint, or --run or --base.',
    );
  const endpoint = parseEndpoint(address);
  if (endpoint.plainText) note(`Code goes to ${endpoint.host} in plain text.`);
  const client = new RemoteClient({
    endpoint,
    model,
    token: () => Promise.resolve(process.env[SERVER_TOKEN]),
    fetch: networkFetch as typeof fetch,
    onServerInfo: (found) => note(describeServer(found, endpoint.host)),
  });
  const { model: name } = await client.start();
  return {
    name,
    fillInTheMiddle: () => client.fillInTheMiddle(),
    request: (asked, signal, onText) => client.stream(toServerRequest(asked), onText, signal),
    dispose: () => client.dispose(),
  };
}

/** Why an editor would show no completion. */
const reasons: Record<string, string> = {
  blank: 'the model suggests nothing here',
  loop: 'the model only repeats itself',
  'repeats-above': 'the model only repeats the line above',
  'repeats-below': 'the model only repeats what already follows',
  unfinished: 'the model only begins what it does not end',
};

/** The model to complete with, and its files. */
async function chosenModel({ run, base, adapter }: Options) {
  if (run) {
    const { name, basePath, adapters, models } = await findServed(run);
    return { name, basePath, adapters, models };
  }
  if (!base)
    throw new UserError(
      'bad-argument',
      'No model was given.',
      'Give --run RUN, --base BASE or --endpoint URL.',
    );
  const resolved = await resolveBase(base);
  const basePath = resolved.path;
  if (adapter) return { name: 'adapter', basePath, adapters: [{ name: 'adapter', path: adapter }] };
  const reference = await referenceAdapterOf(resolved);
  if (reference === undefined) return { name: BASE_MODEL, basePath };
  return { name: REFERENCE_MODEL, basePath, adapters: [{ name: REFERENCE_MODEL, path: reference }] };
}

async function readCursor(cursor: string): Promise<CursorDocument> {
  const match = /^(.+):(\d+):(\d+)$/.exec(cursor);
  if (!match)
    throw new UserError(
      'bad-argument',
      `"${cursor}" is not FILE:LINE:COLUMN.`,
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
  return {
    path,
    languageId: languageIdForPath(path),
    before: text.slice(0, offset),
    after: text.slice(offset),
  };
}
