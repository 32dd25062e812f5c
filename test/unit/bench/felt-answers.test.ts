import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Answers } from '../../../bench/felt/answers.ts';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'felt-answers-')), 'answers.jsonl');
});

const pieces = ['x', ' = ', '1', '\n'];

/** Sends a request; the model streams the pieces. Stops after `most` of them. */
async function ask(answers: Answers, body: object, most = Infinity) {
  const stop = new AbortController();
  const streamed: [string, number | undefined][] = [];
  let asked = 0;
  const answer = await answers
    .stream(
      body,
      (piece, logprob) => {
        streamed.push([piece, logprob]);
        if (streamed.length >= most) stop.abort();
      },
      stop.signal,
      async (onPiece) => {
        asked += 1;
        for (const [at, piece] of pieces.entries()) {
          stop.signal.throwIfAborted();
          onPiece(piece, at === 1 ? undefined : -1 - at);
          await Promise.resolve();
        }
        return { text: pieces.join(''), finishReason: 'length' };
      },
    )
    .catch(() => ({ text: 'stopped' }));
  return { ...answer, streamed, asked };
}

describe('answers', () => {
  it("are requested once, whatever the model's name, and replayed in the same pieces", async () => {
    const answers = await Answers.open(path);
    const first = await ask(answers, { prompt: 'a', model: 'base' });
    expect(first).toMatchObject({ text: 'x = 1\n', finishReason: 'length', asked: 1 });
    expect(await ask(answers, { prompt: 'a', model: 'other' })).toEqual({ ...first, asked: 0 });
    expect(await ask(await Answers.open(path), { prompt: 'a' })).toEqual({ ...first, asked: 0 });
    expect((await ask(answers, { prompt: 'b' })).asked).toBe(1);
  });
  it('that were stopped are stopped again, and requested again if more is wanted', async () => {
    const answers = await Answers.open(path);
    expect(await ask(answers, { prompt: 'a' }, 2)).toMatchObject({ text: 'stopped', asked: 1 });
    const again = await ask(answers, { prompt: 'a' }, 2);
    expect(again).toMatchObject({ text: 'stopped', asked: 0 });
    expect(again.streamed).toHaveLength(2);
    const whole = await ask(answers, { prompt: 'a' });
    expect(whole).toMatchObject({ text: 'x = 1\n', asked: 1 });
    expect(whole.streamed.map(([piece]) => piece)).toEqual(pieces);
    expect((await ask(answers, { prompt: 'a' })).asked).toBe(0);
  });
  it('of a killed benchmark are read up to the last complete line', async () => {
    await ask(await Answers.open(path), { prompt: 'a' });
    await ask(await Answers.open(path), { prompt: 'b' });
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, -5));
    const answers = await Answers.open(path);
    expect((await ask(answers, { prompt: 'a' })).asked).toBe(0);
    expect((await ask(answers, { prompt: 'b' })).asked).toBe(1);
    expect((await ask(await Answers.open(path), { prompt: 'b' })).asked).toBe(0);
  });
});
