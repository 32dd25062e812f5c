/** Runs a bundle next to this one as a child process of the command line. */
import { fileURLToPath } from 'node:url';
import { LineChild, type LineChildOptions } from '../../platform/processes/line-child.ts';
import { llamaEnv } from '../../llama-cpp/env.ts';

/** Starts `name`.mjs. `stderr`: where its libraries' log goes. */
export function startChild(
  name: string,
  args: readonly string[],
  options: Pick<LineChildOptions, 'stderr' | 'signal'>,
): LineChild {
  const script = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
  return new LineChild(script, args, { ...options, env: childEnv() });
}

/**
 * Environment for a fast llama.cpp, with a TensorFlow that reports only errors unless the user's environment says
 * otherwise.
 */
export const childEnv = () => ({
  ...llamaEnv(),
  TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2',
});

/** Calls `stop` on Ctrl+C and SIGTERM. Returns a function that removes the handlers. */
export function onInterrupt(stop: () => void): () => void {
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return () => void process.off('SIGINT', stop).off('SIGTERM', stop);
}
