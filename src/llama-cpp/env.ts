/**
 * Environment of a process in which llama.cpp computes for one person: one thread in Node's pool, unless the user chose
 * a number. llama.cpp starts its threads anew for each token, from a thread of that pool. Where the pool has four, which
 * take turns, Linux often puts the new thread on the core of the one that started it, and leaves the other core idle
 * for 20 ms (docs/benchmarks.md, "Two threads"). Node reads the number before any of our code runs, so it can't be set
 * later.
 */
export const llamaEnv = (): { UV_THREADPOOL_SIZE: string } => ({
  UV_THREADPOOL_SIZE: process.env['UV_THREADPOOL_SIZE'] ?? '1',
});
