/**
 * A fake of Python with PyTorch under Ray Train: it prints and writes as src/training/ray-train/ray_train does, and its result is the
 * initial adapter.
 */

/** The phase while its workers wait. */
export const NO_ROOM =
  'Of 3 workers with 1 processor each, the cluster has room for 2; it waits for more nodes';

/** How it was started. */
export interface RecordedStart {
  args: string[];
  /** Ray's address. */
  address?: string;
  /** The real path of the job's folder. */
  folder?: string;
}

/**
 * A Node script that records its starts in the file `log`. Its training has two steps. On its first start in a folder,
 * it writes a checkpoint of the first step and then runs until it is stopped; on the next start, it resumes.
 */
export const fakeRayTrain = (log: string, missing: readonly string[]): string => `#!${process.execPath}
const { appendFileSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
const isFit = args[1] === 'ray_train.fit';
const folder = isFit ? realpathSync(args[2]) : undefined;
appendFileSync(${JSON.stringify(log)}, JSON.stringify({ args, address: process.env.RAY_ADDRESS, folder }) + '\\n');
if (!isFit) {
  console.log(JSON.stringify({ type: 'needs', missing: ${JSON.stringify(missing)} }));
  process.exit();
}
const say = (type, step, more) => {
  const line = JSON.stringify({ type, time: new Date().toISOString(), step, ...more });
  appendFileSync(folder + '/lines.jsonl', line + '\\n');
  console.log(line);
};
const waiting = { type: 'waiting', time: new Date().toISOString() };
console.log(JSON.stringify({ ...waiting, message: ${JSON.stringify(NO_ROOM)} }));
console.log(JSON.stringify(waiting));
const kept = folder + '/checkpoints/ray-train/step-000001';
const from = existsSync(kept) ? 1 : 0;
say('start', from, {
  backend: 'ray-train',
  backendReason: 'played',
  steps: 2,
  trainableParameters: 1,
  trainTokens: 1,
  heldOutTokens: 1,
});
const held = (step) => say('heldOut', step, { parts: [[60 - step, 10], [50 - 2 * step, 10]] });
const step = (number) => {
  const values = { learningRate: 1e-3, gradientNorm: 1, tokensPerSecond: 10, peakMemory: 1e8 };
  say('step', number, { loss: 6 - number, etaSeconds: 2 - number, ...values });
  held(number);
};
if (from === 0) {
  held(0);
  step(1);
  mkdirSync(kept, { recursive: true });
  say('checkpoint', 1, { path: 'ray-train/step-000001' });
  // The line "stop", or the end of its parent.
  for (const sign of ['data', 'end']) process.stdin.on(sign, () => process.exit());
} else {
  step(2);
  cpSync(folder + '/initial', folder + '/result', { recursive: true });
}
`;
