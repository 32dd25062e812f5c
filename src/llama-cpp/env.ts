/**
 * Environment of a process in which llama.cpp serves one user: a single thread in Node's pool, unless the user chose a
 * number. llama.cpp spawns new threads for each token, from a thread of that pool. With a pool of four, which take
 * turns, Linux often schedules the new thread on its creator's core and leaves the other core idle for 20 ms
 * (docs/benchmarks.md, "Two threads"). Node reads this variable before any of our code runs, so it can't be set later.
 */
export const llamaEnv = (): { UV_THREADPOOL_SIZE: string } => ({
  UV_THREADPOOL_SIZE: process.env['UV_THREADPOOL_SIZE'] ?? '1',
});
