// `npm test`: runs all tests, even on a fresh machine. `npm test -- unit|integration|e2e|checks` runs selected parts,
// `npm test -- quick` those to run before a commit. If a part fails, the others still run. Vitest's results go to
// test-results/*.json.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  build,
  ensureChromium,
  ensureCompiler,
  ensureDependencies,
  ensurePython,
  ensureVulkan,
  needNode,
  root,
  run,
} from './setup.mjs';

// Required by Vitest's version of Vite.
needNode('20.19', '22.12');
const results = join(root, 'test-results');
// Tests that install TensorFlow download it once.
process.env.FORGET_ME_NOT_TEST_CACHE ??= join(root, 'node_modules/.cache/forget-me-not-downloads');
const seconds = (milliseconds) => `${Math.round(milliseconds / 1000)} s`;

/** Buffers a program's output until it ends, because another program runs at the same time. */
async function quietly(command, ...args) {
  const said = [];
  try {
    await run(command, args, { onLine: (line) => said.push(line) });
    return { passed: 1, failed: 0, said };
  } catch {
    return { passed: 0, failed: 1, said };
  }
}
/** The same, taking only the processor time that other programs leave. */
const inBackground = (...command) =>
  process.platform === 'win32' ? quietly(...command) : quietly('nice', '-n', '19', ...command);
const add = (all) => ({
  passed: all.reduce((sum, one) => sum + one.passed, 0),
  failed: all.reduce((sum, one) => sum + one.failed, 0),
  said: all.flatMap((one) => one.said ?? []),
});

async function checks() {
  const npx = (...args) => (later ? inBackground : quietly)('npx', '--no-install', ...args);
  const types = async () => add([await npx('tsc', '--noEmit'), await npx('oxfmt', '--check')]);
  return add(await Promise.all([npx('oxlint'), types()]));
}

/** Runs the Vitest projects whose names begin with `part`. */
async function vitest(part, runner) {
  const file = join(results, `${part}.json`);
  rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const ended = await runner('npx', '--no-install', 'vitest', 'run', '--project', `${part}*`, ...reporters);
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
    // A file that fails to load has no tests: count it as one failure.
    const broken = testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
    ).length;
    const failed = Math.max(numFailedTests + broken, ended.failed);
    return {
      passed: numPassedTests,
      failed,
      said: ended.said,
      files: testResults,
      names: failedTests(testResults),
    };
  } catch {
    return { passed: 0, failed: 1, said: ended.said };
  }
}
/** What failed, with the first line of each message: logs of long runs often keep only their end. */
const failedTests = (files) =>
  files
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      const said = failed.map((test) => `${test.fullName}: ${test.failureMessages.join(' ')}`);
      return (said.length ? said : [message]).map((text) => `${basename(name)}: ${text.split('\n')[0]}`);
    });
const loudly = (command, ...args) =>
  run(command, args).then(
    () => ({ passed: 1, failed: 0 }),
    () => ({ passed: 0, failed: 1 }),
  );

const installed = () => Promise.all([runtime, chromium, vulkan]);

async function integration() {
  await installed();
  const results = await vitest('integration', loudly);
  const slowest = (results.files ?? [])
    .map(({ name, startTime, endTime }) => ({ name: basename(name), took: endTime - startTime }))
    .sort((a, b) => b.took - a.took);
  console.log(
    `Slowest: ${slowest
      .slice(0, 8)
      .map(({ name, took }) => `${name} ${seconds(took)}`)
      .join(', ')}`,
  );
  return results;
}

async function e2e() {
  await Promise.all([chromium, vscode]);
  let results = { passed: 0, failed: 1 };
  const onLine = (line) => {
    console.log(line);
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? [];
    if (passed) results = { passed: Number(passed), failed: Number(failed) };
  };
  await run(process.execPath, ['test/e2e/run.mjs'], { onLine }).catch(() => {
    results.failed ||= 1;
  });
  return results;
}

const parts = {
  checks,
  unit: () => vitest('unit', chosen('checks') ? quietly : loudly),
  integration,
  // The integration tests that only compute.
  compute: async () => {
    await Promise.all([installed(), packaging]);
    return vitest('compute', chosen('integration') || chosen('e2e') ? inBackground : loudly);
  },
  e2e,
};

const several = { quick: ['checks', 'unit'], integration: ['integration', 'compute'] };
const wanted = process.argv.slice(2).flatMap((name) => several[name] ?? name);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length) {
  console.error(
    `There is no part ${unknown.join(', ')}; the parts are ${Object.keys(parts).join(', ')}, and quick: checks and unit.`,
  );
  process.exit(2);
}
const chosen = (name) => wanted.length === 0 || wanted.includes(name);

await ensureDependencies();
mkdirSync(results, { recursive: true });
await build();
// Downloads what later parts need while the first parts run.
const fetched = (...args) => {
  const ended = run(process.execPath, args, { onLine: () => undefined });
  // The part that needs it will report the error.
  ended.catch(() => undefined);
  return ended;
};
const later = chosen('compute') || chosen('e2e');
const tools = later ? ensureCompiler().then(ensurePython) : undefined;
const chromium = tools?.then(ensureChromium);
// Debian packages are installed one after the other. Tests report what is missing; each of their files that looks for
// an adapter starts a process that loads Dawn, so they are told of one.
const vulkan = chosen('compute')
  ? chromium.then(ensureVulkan).then((found) => found && (process.env.FORGET_ME_NOT_TEST_ADAPTER = 'found'))
  : undefined;
const runtime = chosen('compute')
  ? tools.then(() => fetched('dist/cli.mjs', 'runtime', 'install', '--yes'))
  : undefined;
runtime?.catch(() => undefined);
// What the packages of all platforms need takes a minute or two; failures are reported by the tests of these.
const packaging = runtime
  ?.then(() => inBackground(process.execPath, 'scripts/prebuilt-binding.mjs'))
  .then(() => inBackground(process.execPath, 'scripts/platform-packages.mjs'))
  .catch(() => undefined);
const vscode = chosen('e2e') ? fetched('test/e2e/install.mjs') : undefined;

const all = [];
async function runPart(name) {
  if (!chosen(name)) return;
  console.log(`== ${name}`);
  const started = performance.now();
  let results;
  try {
    results = await parts[name]();
  } catch (error) {
    results = { passed: 0, failed: 1, said: [error.stack] };
  }
  for (const line of results.said ?? []) console.log(line);
  console.log(
    `== ${name}: ${seconds(performance.now() - started)}, ${results.passed} passed, ${results.failed} failed\n`,
  );
  all.push({ name, ...results });
}
// Integration and end-to-end tests wait for much: meanwhile, others take the processors.
const checked = runPart('checks');
await runPart('unit');
const computed = runPart('compute');
for (const name of ['integration', 'e2e']) await runPart(name);
await Promise.all([computed, checked]);

const { passed, failed } = add(all);
const failures = Object.keys(parts).filter((name) => all.some((part) => part.name === name && part.failed));
if (failures.length) console.log(`Failed: ${failures.join(', ')}`);
for (const { names = [] } of all) for (const name of names) console.log(`  ${name}`);
console.log(`In all: ${seconds(performance.now())}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
