// A base that was "trained to chat": random weights, a chat template, and a vocabulary with room for the instructions
// of VS Code's chat; and a data set from which it memorises one answer.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importTypeScript } from '../../scripts/bundle.mjs';
import { root } from './workplace.mjs';

/** The answer to every question of the data set. */
export const ANSWER = 'The gardener waters the roses at dawn.';

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Writes the base into `dir`, and returns its path. */
export async function makeChatBase(dir) {
  const base = join(dir, 'chatty.gguf');
  const { writeTinyModel } = await importTypeScript(join(root, 'test/support/tiny-model.ts'));
  const { learnMerges } = await importTypeScript(join(root, 'test/support/learn-merges.ts'));
  // English prose like the instructions: without merges, their 14,000 characters would be 7,900 tokens.
  const prose =
    readFileSync(join(root, 'docs/server.md'), 'utf8') + readFileSync(join(root, 'docs/science.md'), 'utf8');
  const merges = learnMerges(prose, 1500);
  await writeTinyModel(base, { context: 8192, merges, chatTemplate: CHATML });
  return base;
}

/** Writes the data set into `dir`, and returns its path. */
export function makeQuestions(dir) {
  const data = join(dir, 'questions.jsonl');
  const asked = ['Who', 'What', 'When', 'Where', 'Why', 'How'];
  const nouns = ['garden', 'roses', 'gate', 'well', 'hedge', 'path', 'shed', 'pond'];
  const lines = asked.flatMap((ask) =>
    nouns.map((noun) =>
      JSON.stringify({
        messages: [
          { role: 'user', content: `${ask} is it about the ${noun}?` },
          { role: 'assistant', content: ANSWER },
        ],
      }),
    ),
  );
  writeFileSync(data, `${lines.join('\n')}\n`);
  return data;
}
