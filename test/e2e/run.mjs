// The end-to-end test: a real VS Code server, the packaged extension, Chromium, and a user's way through it.
// `node test/e2e/run.mjs [--times N] [--busy N] [--apart] [--newest] [--chat-base FILE] [parts of scenario names,
// comma-separated]`
// --times N: repeats everything N times, each time from a fresh state; --busy N: the last N of them with one core kept
// busy; --apart: the browser can only reach the editor's port on this machine; --newest: in the newest VS Code (820
// MB, once), which adds the chat scenarios; --chat-base FILE: they train and ask this base, a real chat model.
// Screenshots and logs go to test-results/e2e.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageExtension } from '../../scripts/package.mjs';
import { ensureChromium } from '../../scripts/setup.mjs';
import { chatScenarios } from './chat-scenarios.mjs';
import { scenarios } from './scenarios.mjs';
import { typedThroughBesideList } from './typed-through-scenarios.mjs';
import { fortnight, makePlaceWithClock, openWithClock } from './fortnight.mjs';
import { endSuites, runSuite } from './suite.mjs';
import { root } from './workplace.mjs';

const { values, positionals } = parseArgs({
  options: {
    times: { type: 'string', default: '1' },
    busy: { type: 'string', default: '0' },
    apart: { type: 'boolean', default: false },
    newest: { type: 'boolean', default: false },
    'chat-base': { type: 'string' },
  },
  allowPositionals: true,
});
const [times, busy] = [Number(values.times), Number(values.busy)];
const wanted = positionals.flatMap((text) => text.split(','));
const known = values.newest ? { ...scenarios, ...typedThroughBesideList, ...chatScenarios } : scenarios;
const isWanted = ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part));
const chosen = Object.entries(known).filter(isWanted);
// Only if named: its trainings have to learn enough in seconds, which takes TensorFlow and a quiet machine.
const withClock = Object.entries(fortnight).filter((one) => wanted.length > 0 && isWanted(one));
if (!(times >= 1 && busy >= 0 && busy <= times) || chosen.length + withClock.length === 0) {
  console.error(
    'Usage: node test/e2e/run.mjs [--times N] [--busy N] [--apart] [--newest] [--chat-base FILE] [parts of names of scenarios]',
  );
  console.error(`Scenarios:\n${Object.keys({ ...known, ...fortnight }).join('\n')}`);
  process.exit(2);
}
const chromium = await ensureChromium();
if (!chromium) process.exit(1);
const shots = join(root, 'test-results/e2e');
rmSync(shots, { recursive: true, force: true });
const vsix = await packageExtension();

/** A process that only computes, until it is stopped. */
function keepCoreBusy() {
  const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  return () => {
    process.off('exit', end);
    end();
  };
}

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void endSuites().then(() => process.exit(1)));

const LANES = 2;
const counts = { passed: 0, failed: 0 };
for (let time = 1; time <= times; time += 1) {
  const isBusy = time > times - busy;
  if (times > 1) console.log(`\nTime ${time} of ${times}${isBusy ? ', beside a busy core' : ''}`);
  const release = isBusy ? keepCoreBusy() : () => undefined;
  const started = Date.now();
  const into = times > 1 ? join(shots, `time-${time}`) : shots;
  // One types while the other waits, each in its own workplace and VS Code; both take from one queue.
  const queue = chosen.values();
  const options = {
    shots: into,
    vsix,
    chromium,
    apart: values.apart,
    newest: values.newest,
    chatBase: values['chat-base'] && resolve(values['chat-base']),
  };
  const lanes = Array.from({ length: Math.min(LANES, chosen.length) }, () => runSuite(queue, options));
  const totals = await Promise.all(lanes);
  // In a VS Code of its own, whose clock is moved.
  if (withClock.length)
    totals.push(await runSuite(withClock, options, { makePlace: makePlaceWithClock, open: openWithClock }));
  const [passed, failed] = ['passed', 'failed'].map((verdict) =>
    totals.reduce((sum, total) => sum + total[verdict], 0),
  );
  release();
  counts.passed += passed;
  counts.failed += failed;
  if (times > 1)
    console.log(`${passed} passed, ${failed} failed in ${Math.round((Date.now() - started) / 1000)} s`);
}
console.log(`${times > 1 ? '\nIn all:\n' : ''}${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed || counts.passed === 0 ? 1 : 0);
