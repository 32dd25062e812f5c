/**
 * Secrets planted in files, and text that only looks like one: by hand, in public code, and drawn at random from the
 * grammar of secrets/. A stated share of the drawn ones may be missed or wrong; of the sealed half, only counts are
 * reported.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findSecret } from '../../src/corpus/secrets/find.ts';
import { harmless, planted } from '../support/planted-secrets.ts';
import type { Campaign, Trial } from './campaign.ts';
import { drawCases, type Case } from './secrets/grammar.ts';
import {
  detailOf,
  falseAlarms,
  isWrong,
  recall,
  tableOfOpen,
  describeShare,
  type Judged,
} from './secrets/measure.ts';

/** Installed packages of public repositories that mention keys and tokens. */
const PUBLIC = ['fastify', 'commander', 'openai', 'undici', '@huggingface/hub'];
const MAX_WRONG = 0.01;

/** Drawn cases. For narrow intervals, more: SECRET_CASES=20000 npm run attack -- secrets. */
const CASES = Number(process.env['SECRET_CASES'] ?? 500);
const MIN_RECALL = 0.95;
/** The share of lookalikes must be below this. */
const FALSE_ALARMS = 0.03;
const MAX_DETAILS = 60;

export const secretsCampaign: Campaign = {
  title: 'secrets',
  open: async ({ seed }) => {
    const judged: Judged[] = [];
    return {
      trials: [
        ...Object.entries(planted).map(([path, text]): Trial => ({
          name: path,
          run: async () => {
            if (!(await findSecret(path, text))) throw new Error('it is kept');
          },
        })),
        ...Object.entries(harmless).map(([path, text]): Trial => ({
          name: path,
          run: async () => {
            const found = await findSecret(path, text);
            if (found) throw new Error(`mistaken for a secret: ${found.rule}`);
          },
        })),
        ...PUBLIC.map((name): Trial => ({ name: `public code: ${name}`, run: () => tryPublic(name) })),
        ...drawCases(seed, CASES).map((drawn, index): Trial => ({
          name: `drawn at random, ${index}`,
          run: async () => {
            judged.push(await judge(drawn));
          },
        })),
        {
          name: `secrets of the sealed half: ${MIN_RECALL} or more are found`,
          run: async () => mustFind(judged),
        },
        {
          name: `lookalikes of the sealed half: less than ${FALSE_ALARMS} are wrong`,
          run: async () => mustKeep(judged),
        },
      ],
      close: async () => report(judged),
    };
  },
};

async function judge(drawn: Case): Promise<Judged> {
  const found = await findSecret(drawn.path, drawn.text);
  return found ? { ...drawn, rule: found.rule } : drawn;
}

function mustFind(judged: readonly Judged[]): void {
  const found = recall(judged, 'sealed');
  if (!(found.share >= MIN_RECALL)) throw new Error(describeShare(found));
}

function mustKeep(judged: readonly Judged[]): void {
  const wrong = falseAlarms(judged, 'sealed');
  if (!(wrong.share < FALSE_ALARMS)) throw new Error(describeShare(wrong));
}

function report(judged: readonly Judged[]): void {
  console.log('Of the open half, by kind:');
  for (const row of tableOfOpen(judged)) console.log(row);
  const wrong = judged
    .filter((one) => one.half === 'open' && isWrong(one))
    .sort((a, b) => Number(a.secret) - Number(b.secret));
  for (const one of wrong.slice(0, MAX_DETAILS)) console.log(detailOf(one));
  if (wrong.length > MAX_DETAILS) console.log(`and ${wrong.length - MAX_DETAILS} more`);
  for (const half of ['open', 'sealed'] as const)
    console.log(
      `${half} half: found ${describeShare(recall(judged, half))}; false alarms ${describeShare(falseAlarms(judged, half))}`,
    );
}

async function tryPublic(name: string): Promise<void> {
  const root = join('node_modules', name);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => /\.(?:[cm]?[jt]sx?|json|md|ya?ml|sh)$/.test(path) && statSync(join(root, path)).isFile(),
  );
  const wrong: string[] = [];
  for (const path of files) {
    const found = await findSecret(path, readFileSync(join(root, path), 'utf8'));
    if (found) wrong.push(`${path}:${found.line} (${found.rule})`);
  }
  if (!files.length || wrong.length > MAX_WRONG * files.length)
    throw new Error(`${wrong.length} of ${files.length} files: ${wrong.join(', ')}`);
}
