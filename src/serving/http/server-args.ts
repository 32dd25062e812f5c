/** The server's command line. */
import { parseArgs } from 'node:util';
import { UserError } from '../../text/errors.ts';
import { gpuChoices, type GpuChoice } from '../../protocol/gpu.ts';

/** The options that are numbers, each with its lowest and highest value. */
const numbers = {
  port: ['port', 0, 65_535],
  contextSize: ['context', 64, 1_048_576],
  sequences: ['sequences', 1, 64],
  threads: ['threads', 1, 256],
  idleMinutes: ['idle-minutes', 0, 100_000],
  memoryMb: ['memory', 1, 10_000_000],
  queue: ['queue', 0, 100_000],
  timeoutSeconds: ['timeout', 1, 86_400],
} as const;
type Numbers = typeof numbers;
/** As they are given. */
export type NumberOptions = { [flag in Numbers[keyof Numbers][0]]?: string | undefined };

export interface ServerArgs extends Partial<Record<keyof Numbers, number>> {
  base: string;
  adapters: { name: string; path: string }[];
  models: { name: string; path: string }[];
  gpu: GpuChoice;
  /** Make folded copies of adapters, and use them. */
  fold?: boolean;
  /** File in which to announce the server, which then exits when no client holds it any more. */
  announceIn?: string;
}

/** `--base FILE [--adapter NAME=FILE ...] [--model NAME=FILE ...] [--port N] ...`. Throws UserError `bad-argument`. */
export function parseServerArgs(argv: readonly string[]): ServerArgs {
  const { values } = parse(argv);
  if (!values.base) throw new UserError('bad-argument', 'The server needs a base.', 'Give it --base FILE.');
  return {
    base: values.base,
    adapters: (values.adapter ?? []).map((text) => parseNamedFile(text)),
    models: (values.model ?? []).map((text) => parseNamedFile(text)),
    gpu: toGpuChoice(values.gpu),
    ...toNumbers(values),
    ...(values.fold && { fold: true }),
    ...(values.announce !== undefined && { announceIn: values.announce }),
  };
}

/** Those that are given. Throws UserError `bad-argument`. */
export function toNumbers(values: NumberOptions): Partial<Record<keyof Numbers, number>> {
  const read = Object.entries(numbers).map(
    ([name, [flag, low, high]]) => [name, toNumber(flag, values[flag], low, high)] as const,
  );
  return Object.fromEntries(read.filter(([, value]) => value !== undefined));
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        base: { type: 'string' },
        adapter: { type: 'string', multiple: true },
        model: { type: 'string', multiple: true },
        port: { type: 'string' },
        context: { type: 'string' },
        sequences: { type: 'string' },
        threads: { type: 'string' },
        'idle-minutes': { type: 'string' },
        memory: { type: 'string' },
        queue: { type: 'string' },
        timeout: { type: 'string' },
        gpu: { type: 'string' },
        fold: { type: 'boolean' },
        announce: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UserError(
      'bad-argument',
      (error as Error).message,
      'See docs/architecture.md for the options of the server.',
    );
  }
}

/** Parses NAME=FILE. The file may contain "=", the name may not. Throws UserError `bad-argument`. */
export function parseNamedFile(text: string): { name: string; path: string } {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1)
    throw new UserError(
      'bad-argument',
      `"${text}" is not NAME=FILE.`,
      'Write, for example, mine=adapter.gguf.',
    );
  return { name: text.slice(0, at), path: text.slice(at + 1) };
}

/** Parses the option `--gpu`; `auto` if it is not given. Throws UserError `bad-argument`. */
export function toGpuChoice(text = 'auto'): GpuChoice {
  const choice = gpuChoices.find((name) => name === text);
  if (choice) return choice;
  throw new UserError(
    'bad-argument',
    `--gpu ${text} is not known.`,
    `Choose one of ${gpuChoices.join(', ')}.`,
  );
}

/** Parses an option's number; undefined if it is not given. Throws UserError `bad-argument`. */
export function toNumber(
  name: string,
  text: string | undefined,
  low: number,
  high: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (
    !Number.isFinite(value) ||
    value < low ||
    value > high ||
    (name !== 'idle-minutes' && !Number.isInteger(value))
  )
    throw new UserError(
      'bad-argument',
      `--${name} ${text} is not between ${low} and ${high}.`,
      'Choose another number.',
    );
  return value;
}
