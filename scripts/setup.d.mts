export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Takes the program's output, a line at a time; without it the output is the terminal's. */
  onLine?: (line: string) => void;
}
export function run(command: string, args: string[], options?: RunOptions): Promise<void>;
export function ensureDependencies(dir?: string): Promise<void>;
export function build(): Promise<void>;
export function findChromium(): string | undefined;
export function ensureChromium(): Promise<string | undefined>;
export function ensureNativeTools(): Promise<void>;
