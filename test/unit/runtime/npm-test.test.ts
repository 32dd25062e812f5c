/** `npm test` with stand-ins for everything it runs: what happens if a part fails, and what it prints at the end. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Sandbox } from './fakes.ts';

let box: Sandbox;
let project: string;
beforeEach(() => {
  box = new Sandbox();
  project = box.project(['test.mjs', 'setup.mjs'], {
    'dist/cli.mjs': '',
    'test/e2e/install.mjs': '',
    'test/e2e/run.mjs': "console.log('ok    a scenario');\nconsole.log('7 passed, 0 failed');",
  });
  for (const name of ['python3', 'c++', 'chromium']) box.program(name, '');
  box.program(
    'npx',
    `
const [, program, ...args] = process.argv.slice(2);
console.log(program + ' was here');
if (program === 'vitest') {
  const part = args[args.indexOf('--project') + 1].replace('*', '');
  const failed = part === 'integration' ? 1 : 0;
  const file = args.find((arg) => arg.startsWith('--outputFile.json=')).split('=')[1];
  const testResults = [{ name: part + '.test.ts', status: 'passed', assertionResults: [], startTime: 0, endTime: 3000 }];
  require('node:fs').writeFileSync(file, JSON.stringify({ numPassedTests: 5 - failed, numFailedTests: failed, testResults }));
  process.exit(failed);
}
process.exit(program === 'oxlint' ? 1 : 0);`,
  );
});
afterEach(() => box.close());

const npmTest = (...parts: string[]) =>
  new Promise<{ code: number; lines: string[] }>((resolve) => {
    execFile(process.execPath, [join(project, 'scripts/test.mjs'), ...parts], (error, stdout) =>
      resolve({ code: Number(error?.code ?? 0), lines: stdout.trimEnd().split('\n') }),
    );
  });

it('runs all parts even if some fail, says which, and ends with a line of totals', async () => {
  const { code, lines } = await npmTest();
  expect(code).toBe(1);
  const ends = lines.filter((line) => /^== \w+: /.test(line)).map((line) => line.replace(/\d+ s/, 'N s'));
  expect(ends.toSorted()).toEqual([
    '== checks: N s, 2 passed, 1 failed',
    '== compute: N s, 5 passed, 0 failed',
    '== e2e: N s, 7 passed, 0 failed',
    '== integration: N s, 4 passed, 1 failed',
    '== unit: N s, 5 passed, 0 failed',
  ]);
  expect(lines).toContain('Failed: checks, integration');
  expect(lines).toContain('Slowest: integration.test.ts 3 s');
  expect(lines).toContain('oxlint was here');
  expect(lines.at(-1)).toBe('23 passed, 2 failed');
});

it('runs the named parts, and exits with 0 if none fails', async () => {
  const { code, lines } = await npmTest('unit', 'e2e');
  expect(code).toBe(0);
  expect(lines.filter((line) => /^== \w+: /.test(line))).toHaveLength(2);
  expect(lines.at(-1)).toBe('12 passed, 0 failed');
  for (const [name, parts] of [
    ['quick', ['checks', 'unit']],
    ['integration', ['compute', 'integration']],
  ] as const) {
    const { lines: said } = await npmTest(name);
    expect(said.flatMap((line) => /^== (\w+): /.exec(line)?.[1] ?? []).toSorted()).toEqual(parts);
  }
  expect((await npmTest('nonsense')).code).toBe(2);
});

it('counts a broken end-to-end suite as failed', async () => {
  writeFileSync(join(project, 'test/e2e/run.mjs'), 'process.exit(3);');
  const { code, lines } = await npmTest('e2e');
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe('0 passed, 1 failed');
});
