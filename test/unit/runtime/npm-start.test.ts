/** `npm start` with a stand-in for the command line: what it runs, and when. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Sandbox } from './fakes.ts';

/** TensorFlow is installed once the base is being fetched, or not within the test's time; what a GPU needs comes first. */
const cli = `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2).join(' ');
appendFileSync('calls', args + '\\n');
const models = { models: [], default: { id: 'small', withTensorflow: { id: 'large' } } };
if (args === 'models --json') console.log(JSON.stringify(models));
if (args.startsWith('models fetch')) writeFileSync('fetching', '');
if (args.startsWith('models fetch')) console.log('Downloading large 25%\\nlarge is here: /large\\n  sha256 1234');
if (args === 'runtime install --yes' && process.env.NEEDS_BASE)
  while (!existsSync('fetching')) await new Promise((resolve) => setTimeout(resolve, 10));
`;

let box: Sandbox;
let project: string;
beforeEach(() => {
  box = new Sandbox();
  project = box.project(['start.mjs', 'setup.mjs'], { 'dist/cli.mjs': cli });
});
afterEach(() => box.close());

async function npmStart(env: Record<string, string>): Promise<{ printed: string; calls: string[] }> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(project, 'scripts/start.mjs')], {
    env: { ...process.env, INIT_CWD: project, CXX: '', ...env },
  });
  return { printed: stdout, calls: readFileSync(join(project, 'calls'), 'utf8').trim().split('\n') };
}

it('fetches the base while TensorFlow is installed, then trains', async () => {
  box.program('c++', '');
  const { printed, calls } = await npmStart({ NEEDS_BASE: 'yes' });
  expect(calls.slice(0, -1).toSorted()).toEqual([
    'models --json',
    'models fetch large --yes',
    'runtime install --yes',
    'runtime install-gpu --found --yes',
  ]);
  expect(calls.at(-1)).toMatch(/^train .* --base auto /);
  expect(printed).toContain('Downloading large 25%\n');
  expect(printed).not.toMatch(/is here|sha256/);
});

it.runIf(process.platform === 'linux')(
  'leaves the base to the training if there is no compiler for TensorFlow',
  async () => {
    box.noPrograms();
    const { calls } = await npmStart({});
    expect(calls.slice(0, -1).toSorted()).toEqual([
      'runtime install --yes',
      'runtime install-gpu --found --yes',
    ]);
    expect(calls.at(-1)).toMatch(/^train /);
  },
);
