export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Receives the program's output line by line; without it, the output goes to the terminal. */
  onLine?: (line: string) => void;
}
export function run(command: string, args: string[], options?: RunOptions): Promise<void>;
export function ensureDependencies(
  dir?: string,
  options?: { beside?: Promise<unknown>; tools?: boolean },
): Promise<void>;
export function build(): Promise<void>;
export function findChromium(): string | undefined;
export function ensureChromium(): Promise<string | undefined>;
export function ensureVulkan(): Promise<boolean>;
export function ensureCompiler(): Promise<boolean>;
export function ensurePython(): Promise<void>;
