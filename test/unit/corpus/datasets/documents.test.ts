import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataSetDocuments, type DataSetOptions } from '../../../../src/corpus/datasets/documents.ts';
import { loadChatTemplate } from '../../../../src/corpus/datasets/chat-template.ts';

let scratch: string;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'fmn-documents-'))));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const template = await loadChatTemplate({
  'tokenizer.ggml.tokens': ['</s>'],
  'tokenizer.ggml.eos_token_id': 0,
});

let files = 0;
async function read(rows: unknown[], mode: DataSetOptions['mode'] = 'pretrain') {
  const path = join(scratch, `${(files += 1)}.jsonl`);
  const text = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)));
  await writeFile(path, text.join('\n'));
  const warnings: string[] = [];
  const documents = [];
  const options = { mode, template, onWarning: (message: string) => void warnings.push(message) };
  for await (const document of dataSetDocuments(path, options)) documents.push(document);
  return { documents, warnings: warnings.map((text) => text.replace(path, 'SET')), path };
}
const texts = async (row: object, mode?: DataSetOptions['mode']) =>
  (await read([row], mode)).documents.map(({ pieces }) =>
    pieces.map(({ text, learned }) => (learned ? `[${text}]` : text)).join(''),
  );

describe('columns', () => {
  it.each([
    ['StarCoder', { max_stars_repo_path: 'a.py', content: 'print(1)', id: '7' }, '[print(1)]'],
    ['OpenWebMath', { url: 'u', text: 'x = 1', date: 'd', metadata: '{}' }, '[x = 1]'],
    ['Magicoder-Evol-Instruct', { instruction: 'Do', response: 'Done' }, '[Do\n\nDone]'],
    ['MetaMathQA', { type: 'GSM_Rephrased', query: 'Q', original_question: 'O', response: 'R' }, '[Q\n\nR]'],
    ['GSM8K', { question: '1 + 1?', answer: '2' }, '[1 + 1?\n\n2]'],
    ['prompt and completion', { prompt: 'P', completion: 'C' }, '[P\n\nC]'],
    [
      'messages',
      {
        messages: [
          { role: 'system', content: 'S' },
          { role: 'user', content: 'U' },
          { role: 'assistant', content: 'A' },
        ],
      },
      '[S\n\nU\n\nA]',
    ],
  ])('%s, as text', async (_, row, expected) => expect(await texts(row)).toEqual([expected]));

  it('for instructions, only the answers are learned', async () => {
    expect(await texts({ question: 'Q', answer: 'A' }, 'instruct')).toEqual([
      '### Instruction:\nQ\n\n### Response:\n[A][</s>]\n\n',
    ]);
    const turns = [
      { role: 'system', content: 'S' },
      { role: 'user', content: 'U' },
      { role: 'assistant', content: 'A' },
      { role: 'user', content: 'V' },
      { role: 'assistant', content: 'B' },
    ];
    expect(await texts({ messages: turns, prompt: 'not this' }, 'instruct')).toEqual([
      'S\n\n### Instruction:\nU\n\n### Response:\n[A][</s>]\n\n### Instruction:\nV\n\n### Response:\n[B][</s>]\n\n',
    ]);
  });

  it('without a usable one: lists its columns and the usable ones', async () => {
    await expect(read([{ headline: 'x', label: 1 }])).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringMatching(/has the columns headline, label, and none of them can be learned from/),
      next: expect.stringMatching(
        /content; text; messages; instruction \+ response; query \+ response; question \+ answer/,
      ),
    });
    await expect(read([{ text: 'x' }], 'instruct')).rejects.toMatchObject({
      message: expect.stringContaining('text, and no instructions'),
      next: expect.stringContaining('--mode pretrain'),
    });
  });
});

describe('bad rows', () => {
  const good = Array.from({ length: 400 }, (_, n) => ({ question: `Q${n}`, answer: `A${n}` }));

  it('are skipped, counted and reported with their numbers', async () => {
    const rows: unknown[] = [...good];
    rows[150] = { question: 'Q', answer: 7 };
    rows[250] = { question: null, answer: 'A' };
    rows[300] = '{"question": "Q", "answ';
    rows[399] = { question: 'Q', answer: ' ' };
    const { documents, warnings } = await read(rows);
    expect(documents).toHaveLength(396);
    expect(documents[150]!.path).toBe('row 152');
    expect(warnings).toEqual([
      '4 of 400 rows of SET were skipped: row 151: "answer" is a number, not text; row 251: "question" is null, not text; row 301: it is not JSON; row 400: "answer" is empty.',
    ]);
  });

  it('over 1% stop reading, with the row and the reason', async () => {
    const rows: unknown[] = [...good];
    for (const n of [30, 60, 99, 120]) rows[n] = { question: 'Q' };
    await expect(read(rows)).rejects.toMatchObject({
      code: 'corpus-unreadable',
      message: expect.stringMatching(
        /^3 of the first 100 rows .* more than 1% \(row 100: "answer" is missing, not text\)/,
      ),
    });
  });

  it('of few rows are counted at the end', async () => {
    await expect(read([...good.slice(0, 20), { question: 1, answer: '' }])).rejects.toMatchObject({
      message: expect.stringContaining('row 21: "question" is a number'),
    });
  });

  it.each([
    ['not a list', 'Hi', 'messages is not'],
    ['a message without a role', [{ content: 'x' }], 'messages.0.role is not'],
    ['no answer', [{ role: 'user', content: 'x' }], 'it contains no answer'],
  ])('messages: %s', async (_, messages, why) => {
    await expect(read([{ messages }], 'instruct')).rejects.toMatchObject({
      message: expect.stringContaining(why),
    });
  });

  it('no rows at all', async () => {
    await expect(read([])).rejects.toMatchObject({ code: 'corpus-empty' });
  });
});
