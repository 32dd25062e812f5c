import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { resolveBase } from '../../../base-models/index.ts';
import { REFERENCE_MODEL } from '../../../protocol/run.ts';
import { UserError } from '../../../text/errors.ts';
import { describeDevice } from '../../../protocol/gpu.ts';
import { forTerminal } from '../../../text/next-step.ts';
import type { ServedRun } from '../../../serving/client/run-model.ts';
import {
  parseNamedFile,
  toGpuChoice,
  toNumbers,
  type NumberOptions,
} from '../../../serving/http/server-args.ts';
import { readyOf } from '../../../serving/http/service.ts';
import { note, print, printJson } from '../../view/output.ts';
import { SERVER_TOKEN, serveOn } from './serve-on.ts';
import { referenceAdapterOf } from '../../machine/reference-adapter.ts';
import { findServed } from '../../processes/served-check.ts';

interface Options extends NumberOptions {
  base?: string;
  adapter?: string[];
  model?: string[];
  run?: string[];
  idleMinutes?: string;
  gpu?: string;
  on?: string;
  shared?: string;
  unload?: string[];
  json?: boolean;
}

const collect = (value: string, all: string[] = []) => [...all, value];

export function serveCommand(): Command {
  return new Command('serve')
    .description(
      'serve a base and any number of adapters to editors and tools through an OpenAI-compatible API, on this machine, or with --on, on a remote server',
    )
    .option('--base <base>', 'a known base, a .gguf file or owner/name on Hugging Face')
    .option('--adapter <name=file>', 'GGUF LoRA adapter, with --on NAME=RUN; may be repeated', collect)
    .option('--model <name=file>', 'whole model, such as a full fine-tune; may be repeated', collect)
    .option(
      '--run <run>',
      'the result of a run, with its base; checked first if it never was; may be repeated',
      collect,
    )
    .option('--port <port>', 'port to listen on (default: a free one)')
    .option('--context <tokens>', 'context size: tokens of prompt and answer together (default: 2048)')
    .option('--sequences <n>', 'requests that one model answers at the same time (default: 1)')
    .option(
      '--threads <n>',
      'threads for each model in use (default: the fastest number, measured while idle)',
    )
    .option(
      '--memory <mb>',
      "memory in MB for adapters and their contexts, without the base; the least recently used are unloaded (default: a quarter of the machine's)",
    )
    .option(
      '--gpu <choice>',
      'auto: a GPU if there is one and its build of llama.cpp; off: the processor; or cuda, vulkan, metal (default: auto)',
    )
    .option('--queue <n>', 'requests that may wait; further ones get status 429 (default: 64)')
    .option('--timeout <seconds>', 'the longest a request may take, including waiting (default: 120)')
    .option('--idle-minutes <n>', 'end after this many minutes without a request')
    .option(
      '--on <url>',
      "hand adapters to vLLM or llama.cpp's server there, after checking each there; alone, lists what it has",
    )
    .option(
      '--shared <folder[=path]>',
      'with --on: the folder that vLLM reads adapters from, and its path there',
    )
    .option('--unload <name>', 'with --on: unload an adapter; may be repeated', collect)
    .option('--json', 'print one line of JSON when ready')
    .addHelpText(
      'after',
      '\nClients send the value of FORGET_ME_NOT_TOKEN as bearer token; if that variable is not set, a new token is made and printed.' +
        `\nThe server of --on gets the value of ${SERVER_TOKEN}, if it is set.`,
    )
    .action(serve);
}

async function serve(options: Options): Promise<void> {
  if (options.on !== undefined) return serveOn({ ...options, on: options.on });
  if (options.shared !== undefined || options.unload)
    throw new UserError('bad-argument', '--shared and --unload are for --on.', 'Give --on URL, too.');
  const runs: ServedRun[] = [];
  // Sequentially, because a check takes memory.
  for (const run of options.run ?? []) runs.push(await findServed(run));
  const base = options.base === undefined ? undefined : await resolveBase(options.base);
  const basePath = base?.path ?? commonBase(runs);
  const reference = base && (await referenceAdapterOf(base));
  const envToken = process.env['FORGET_ME_NOT_TOKEN'];
  const token = envToken || randomBytes(24).toString('base64url');
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  // Loaded only here, because it is as large as all commands together.
  const { startServer } = await import('../../../serving/http/start-server.ts');
  const server = await startServer({
    basePath,
    adapters: [
      ...(options.adapter ?? []).map(parseNamedFile),
      ...runs.flatMap((run) => run.adapters),
      ...(reference === undefined ? [] : [{ name: REFERENCE_MODEL, path: reference }]),
    ],
    models: [...(options.model ?? []).map(parseNamedFile), ...runs.flatMap((run) => run.models)],
    token,
    ...toNumbers({ ...options, 'idle-minutes': options.idleMinutes }),
    gpu: toGpuChoice(options.gpu),
    onIdle: end,
    onMoved: (device) =>
      note(`Now on ${describeDevice(device)}, until serve is started again.`, forTerminal(device.why ?? '')),
  });
  process.once('SIGINT', end).once('SIGTERM', end);
  const { models, device } = server.host;
  if (options.json) printJson({ ...readyOf(server.host, server.port), ...(!envToken && { token }) });
  else {
    const url = `http://127.0.0.1:${server.port}/v1`;
    print(`Serving ${models.join(', ')} at ${url}, on ${describeDevice(device)}`);
    if (device.why) print(forTerminal(device.why));
    if (!envToken) print(`Token: ${token}`);
    const body = JSON.stringify({ model: models.at(-1), prompt: 'function add(', max_tokens: 32 });
    const secret = envToken ? '$FORGET_ME_NOT_TOKEN' : token;
    print(
      '',
      `Try: curl ${url}/completions -H "Authorization: Bearer ${secret}" -H "Content-Type: application/json" -d '${body}'`,
      'Ctrl-C ends it.',
    );
  }
  await ended;
  await server.close();
}

/** The base of all runs; they must share one. */
function commonBase(runs: readonly ServedRun[]): string {
  const first = runs[0];
  if (!first)
    throw new UserError(
      'bad-argument',
      'Nothing to serve was given.',
      'Give --base, or --run with the result of a run.',
    );
  const other = runs.find((run) => run.basePath !== first.basePath);
  if (!other) return first.basePath;
  throw new UserError(
    'adapter-mismatch',
    `The runs ${first.name} and ${other.name} have different bases: ${first.baseId} and ${other.baseId}.`,
    'Serve them from two servers.',
  );
}
