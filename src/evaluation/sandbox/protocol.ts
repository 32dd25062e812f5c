/** The messages between the evaluator, a lane's process (host.ts) and an interpreter's thread (interpreter.ts). */
import { z } from 'zod';
import type { Glue } from './glue.ts';

/** passed: it ran to its end. failed: it raised an exception or exited. */
const outcomes = ['passed', 'failed', 'timed out', 'out of memory'] as const;
export type Outcome = (typeof outcomes)[number];

export const verdictSchema = z.object({
  outcome: z.enum(outcomes),
  /** For `failed`, the exception: "AssertionError". Empty otherwise. */
  message: z.string(),
});
export type Verdict = z.infer<typeof verdictSchema>;

export interface Limits {
  /** Time limit of the reference executor, in real time. See clock.ts. */
  timeoutMs: number;
  /** Memory limit of an interpreter and the files of its program. */
  memoryBytes: number;
}

/** The host's one argument, as JSON. */
export interface HostOptions extends Limits {
  /** Pyodide's folder. */
  pyodide: string;
  /** Folder for images. */
  cache: string;
}

/** From the evaluator to a host: judge this program. */
export interface HostRequest {
  program: string;
}

/** Messages from a host: it has started; a program's verdict; it can't continue. */
export const hostReplySchema = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ verdict: verdictSchema }),
  z.object({ failed: z.string() }),
]);
export type HostReply = z.infer<typeof hostReplySchema>;

/**
 * The memory of a started interpreter that has imported the modules that programs use, with addresses. See image.ts.
 */
export interface Image {
  /** The non-zero pages, one after the other. */
  pages: Uint8Array<SharedArrayBuffer>;
  /** Where they belong, in the same order: address and number of bytes. */
  runs: [number, number][];
  memoryBytes: number;
  /** Addresses of Python objects, by their names in judge.ts. */
  objects: { prepare: number; describe: number; namespace: number };
}

export interface InterpreterData extends Limits {
  module: WebAssembly.Module;
  /** The functions among its exports. */
  exported: string[];
  glue: Glue;
  /** Python's standard library, zipped. */
  library: Uint8Array<SharedArrayBuffer>;
  /** If undefined, the interpreter makes an image. */
  image?: Image;
  /** A single number: milliseconds that the program has slept. */
  slept: Float64Array<SharedArrayBuffer>;
}

/** From an interpreter to its host. */
export type InterpreterReply =
  | { image: Image; compiled: Uint8Array<SharedArrayBuffer> }
  /** It waits for its program. `thread`: the folder in /proc for its thread. */
  | { ready: true; thread: string | undefined }
  | { verdict: Verdict };
