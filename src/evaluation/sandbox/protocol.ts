/** What the evaluator, a lane's process (host.ts) and an interpreter's thread (interpreter.ts) say to each other. */
import { z } from 'zod';
import type { Glue } from './glue.ts';

/** passed: it ran to its end. failed: it raised, or left. */
const outcomes = ['passed', 'failed', 'timed out', 'out of memory'] as const;
export type Outcome = (typeof outcomes)[number];

export const verdictSchema = z.object({
  outcome: z.enum(outcomes),
  /** For `failed`, the exception: "AssertionError". Empty otherwise. */
  message: z.string(),
});
export type Verdict = z.infer<typeof verdictSchema>;

export interface Limits {
  /** Of the reference executor: its seconds of the clock. See clock.ts. */
  timeoutMs: number;
  /** Of an interpreter and the files of its program. */
  memoryBytes: number;
}

/** The host's one argument, as JSON. */
export interface HostOptions extends Limits {
  /** Pyodide's folder. */
  pyodide: string;
  /** Where images are kept. */
  cache: string;
}

/** From the evaluator to a host: judge this program. */
export interface HostRequest {
  program: string;
}

/** From a host, each on its own: it has started; a program's verdict; it can't go on. */
export const hostReplySchema = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ verdict: verdictSchema }),
  z.object({ failed: z.string() }),
]);
export type HostReply = z.infer<typeof hostReplySchema>;

/** An interpreter that has started and imported what programs use: its memory, and where in it lies what. See image.ts. */
export interface Image {
  /** Those that are not zero, one after the other. */
  pages: Uint8Array<SharedArrayBuffer>;
  /** Where they belong, in the same order: addresses and bytes. */
  runs: [number, number][];
  memoryBytes: number;
  /** Addresses of Python objects, by their name in judge.ts. */
  objects: { prepare: number; describe: number; namespace: number };
}

export interface InterpreterData extends Limits {
  module: WebAssembly.Module;
  /** The functions among its exports. */
  exported: string[];
  glue: Glue;
  /** Python's standard library, zipped. */
  library: Uint8Array<SharedArrayBuffer>;
  /** Without it, the interpreter makes one. */
  image?: Image;
  /** One number: the milliseconds that the program has slept. */
  slept: Float64Array<SharedArrayBuffer>;
}

/** From an interpreter to its host. */
export type InterpreterReply =
  | { image: Image; compiled: Uint8Array<SharedArrayBuffer> }
  /** Waits for its program. `thread` is where Linux tells of it. */
  | { ready: true; thread: string | undefined }
  | { verdict: Verdict };
