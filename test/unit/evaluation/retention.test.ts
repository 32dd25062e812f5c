import { describe, expect, it } from 'vitest';
import { sourceTexts } from '../../../src/evaluation/scoring/source-texts.ts';
import { spread } from '../../../src/statistics/statistics.ts';
import { retentionTask } from '../../../src/evaluation/tasks/retention.ts';
import { answerOf, fakeModel, planContext, scoreContext, useFolder } from './help.ts';
import { english } from '../../../src/text/message.ts';

const folder = useFolder();
const options = { onWarning: () => undefined };

describe('source text', () => {
  it('is taken from the whole file, in pieces that begin with a line', async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
    const texts = await sourceTexts(await folder.write('book.txt', lines), 3, options);
    expect(texts).toHaveLength(3);
    for (const [i, text] of texts.entries()) {
      expect(text).toMatch(/^line \d+\n/);
      expect(lines.indexOf(text)).toBeGreaterThan((i * lines.length) / 4);
    }
  });
  const piecesOf = async (content: string, count: number) =>
    sourceTexts(await folder.write('pieces.txt', content), count, options);
  it('is cut anywhere if a file has no lines, and kept whole if short', async () => {
    const texts = await piecesOf('x'.repeat(5000), 99);
    expect(texts.map((text) => text.length)).toEqual([2048, 2048, 904]);
    expect(await piecesOf('short\ntext', 4)).toEqual(['short\ntext']);
  });
  it('has the same pieces if a file is read in many chunks', async () => {
    const content = 'ä😀€ \n'.repeat(400_000);
    const pieces = spread(Math.ceil(content.length / 2048), 7).map((index) => {
      const piece = content.slice(index * 2048, (index + 1) * 2048);
      return piece.slice(piece.indexOf('\n') + 1);
    });
    expect(await piecesOf(content, 7)).toEqual(pieces);
  });
  it('is the first rows of a data set', async () => {
    const data = await folder.rows('set.jsonl', [{ text: 'a' }, { text: 'b'.repeat(4000) }, { text: 'c' }]);
    expect(await sourceTexts(data, 2, options)).toEqual(['a', 'b'.repeat(2048)]);
  });
  it.each([
    ['empty.txt', ' \n ', 'corpus-empty'],
    ['binary.bin', 'a\0b', 'corpus-unreadable'],
    ['rows.jsonl', '{"label": 1}\n', 'corpus-unreadable'],
  ])('is rejected if there is none: %s', async (name, content, code) => {
    await expect(sourceTexts(await folder.write(name, content), 2, options)).rejects.toMatchObject({ code });
  });
});

describe('retention', () => {
  const base = fakeModel({ complete: ({ prompt }) => Promise.resolve(answerOf(` after ${prompt}`)) });
  const plan = async (data?: string) =>
    retentionTask.plan(planContext({ setting: 'quick', limit: 2, base, data }));

  it("is measured on the base's own text, and on specified text under separate names", async () => {
    const { items, setting } = await plan(await folder.write('source.txt', 'abcd'));
    expect(items.map(({ id }) => id)).toEqual(['text 0', 'text 1', 'source text 0']);
    expect(english(setting)).toMatch(
      /^2 texts of up to 128 .*; 1 pieces of up to 256 tokens of .*source\.txt$/,
    );
    const model = fakeModel({
      tokenLosses: (tokens) => Promise.resolve(new Float32Array(tokens.length - 1).fill(2)),
      klFromBase: (tokens) => Promise.resolve(new Float32Array(tokens.length).fill(0.5)),
    });
    expect((await retentionTask.score(items[2]!, model, scoreContext)).parts).toEqual({
      'source KL from base': { sum: 2, weight: 4 },
      'source loss': { sum: 6, weight: 3 },
    });
    const own = await retentionTask.score(items[0]!, model, scoreContext);
    expect(Object.keys(own.parts)).toEqual(['KL from base', 'loss']);
  });
  it('works without specified text', async () => expect((await plan()).items).toHaveLength(2));
});
