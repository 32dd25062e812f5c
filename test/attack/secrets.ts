/** Secrets planted in files, and public code without any: none goes unseen, hardly a file is taken for one wrongly. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findSecret } from '../../src/corpus/secrets/find.ts';
import { harmless, planted } from '../support/planted-secrets.ts';
import type { Campaign, Trial } from './campaign.ts';

/** Packages of public repositories that are installed here, with words about keys and tokens in them. */
const PUBLIC = ['fastify', 'commander', 'openai', 'eslint', '@huggingface/hub'];
const MOST_WRONG = 0.01;

export const secretsCampaign: Campaign = {
  title: 'secrets',
  open: async () => ({
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
          if (found) throw new Error(`taken for a secret: ${found.rule}`);
        },
      })),
      ...PUBLIC.map((name): Trial => ({ name: `public code: ${name}`, run: () => tryPublic(name) })),
    ],
    close: async () => undefined,
  }),
};

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
  if (!files.length || wrong.length > MOST_WRONG * files.length)
    throw new Error(`${wrong.length} of ${files.length} files: ${wrong.join(', ')}`);
}
