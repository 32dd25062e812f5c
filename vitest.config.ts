import { readFileSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { gitleaksVitePlugin } from './scripts/gitleaks-rules.mjs';

const plugins = [gitleaksVitePlugin];
// The limits of time are there to end what hangs, also on a slow machine beside other work.
/** Vitest's own limit of expect.poll is a second, which another process on a busy machine may need to end. */
const expect = { poll: { timeout: 30_000 } };

const unitTests = readdirSync('test/unit', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/unit/${name}`);
/** Files that change what others would share get an environment and modules of their own. */
const changing =
  /vi\.(mock|doMock|stubEnv|stubGlobal|spyOn|useFakeTimers|setSystemTime)\(|process\.env|fake-vscode|fake-editor|-suite/;
const isolated = unitTests.filter((file) => changing.test(readFileSync(file, 'utf8')));
/** Threads start sooner, but share signals, the time zone and native modules with the other tests. */
const ofProcess =
  /process\.(chdir|emit|exit|kill|on|once|p?pid)\b|fork\(|'TZ'|llama|worker|startBackend|setPriority|-suite/i;
const forked = isolated.filter((file) => ofProcess.test(readFileSync(file, 'utf8')));
const threaded = isolated.filter((file) => !forked.includes(file));
const equalBits = 'test/support/equal-bits.ts';
/** TF.js's gradients, which its bundle for Node lacks, are ES modules that Node takes for CommonJS. */
const server = { deps: { inline: [/tfjs-core\/dist\/(?!tf-core)/] } };
const unit = {
  server,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect,
  maxWorkers: 2,
  setupFiles: equalBits,
  // Two files side by side fill two cores. golden.test.ts computes with two threads.
  env: { FORGET_ME_NOT_PROCESSORS: '1' },
};

const integrationTests = ['test/integration/**/*.test.ts'];
/** Files that compute and wait for nothing: npm test runs them at the lowest priority, beside the others. */
const compute = ['backend-*', 'compound', 'golden', 'gguf', 'package-platforms'].map(
  (name) => `test/integration/${name}.test.ts`,
);
const integration = {
  server,
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect,
  // Trainings keep a core busy: two files fill two cores.
  maxWorkers: 2,
  pool: 'forks' as const,
  globalSetup: 'test/support/built.ts',
  // Mesa's llvmpipe compiles kernels in four fifths of the time if it does not optimise them.
  env: { GALLIVM_PERF: 'nopt' },
  setupFiles: ['test/support/own-cores.ts', equalBits],
  sequence: { groupOrder: 1 },
};

export default defineConfig({
  test: {
    // The projects share what each would transform again, and so do later runs.
    experimental: { fsModuleCache: true },
    projects: [
      {
        plugins,
        // These share the modules that they import.
        test: {
          ...unit,
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: isolated,
          isolate: false,
        },
      },
      { plugins, test: { ...unit, name: 'unit-threads', include: threaded, pool: 'threads' } },
      { plugins, test: { ...unit, name: 'unit-forks', include: forked } },
      { plugins, test: { ...integration, name: 'integration', include: integrationTests, exclude: compute } },
      // At the lowest priority, a start that takes half a minute alone may wait for the others' end.
      {
        plugins,
        test: {
          ...integration,
          name: 'compute',
          include: compute,
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
        },
      },
    ],
  },
});
