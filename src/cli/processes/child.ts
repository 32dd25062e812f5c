/** The environment of the command line's child processes. */
import { llamaEnv } from '../../llama-cpp/env.ts';

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
