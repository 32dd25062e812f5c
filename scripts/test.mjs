// `npm test`: everything, on a fresh machine too. `npm test -- unit|integration|e2e|checks` runs one part.
import { build, ensureChromium, ensureDependencies, ensureNativeTools, run } from './setup.mjs';

const npx = (...args) => run('npx', ['--no-install', ...args]);
const parts = {
  checks: async () => {
    await npx('tsc', '--noEmit');
    await npx('eslint', '.');
    await npx('prettier', '--check', '.');
  },
  unit: () => npx('vitest', 'run', '--project', 'unit'),
  integration: async () => {
    await run(process.execPath, ['dist/cli.mjs', 'runtime', 'install', '--yes']);
    await npx('vitest', 'run', '--project', 'integration');
  },
  e2e: () => run(process.execPath, ['test/e2e/run.mjs']),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length) {
  console.error(`There is no part ${unknown.join(', ')}; the parts are ${Object.keys(parts).join(', ')}.`);
  process.exit(2);
}

const chosen = wanted.length ? wanted : Object.keys(parts);
await ensureDependencies();
if (chosen.some((name) => name === 'integration' || name === 'e2e')) {
  await ensureNativeTools();
  await ensureChromium();
}
await build();
for (const name of chosen) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  try {
    await parts[name]();
  } catch (error) {
    console.error(`\n${name} failed: ${error.message}`);
    process.exit(1);
  }
  console.log(`== ${name}: ${Math.round((Date.now() - started) / 1000)} s`);
}
