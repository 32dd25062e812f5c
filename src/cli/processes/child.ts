/** What the command line's child processes have in common. */
import { llamaEnv } from '../../llama-cpp/env.ts';

/** Environment in which llama.cpp is fast, and TensorFlow reports only errors, unless the user asked for more. */
export const childEnv = () => ({
  ...llamaEnv(),
  TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2',
});

/** Calls `stop` on Ctrl+C and SIGTERM. Returns a function that ends this. */
export function onInterrupt(stop: () => void): () => void {
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return () => void process.off('SIGINT', stop).off('SIGTERM', stop);
}
