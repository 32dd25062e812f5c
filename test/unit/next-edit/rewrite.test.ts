/** Places that are left to a model: which ones, the prompt, and which answers are the same edit. */
import { describe, expect, it } from 'vitest';
import { editAnswer } from '../../../src/next-edit/edit-task.ts';
import {
  candidatesIn,
  diffPrompt,
  lineInAnswer,
  toOffer,
  taskQuestion,
  type Candidate,
} from '../../../src/next-edit/index.ts';

const after = '  const a = await load(path, "a");';
const before = '  const a = load(path, "a");';
const lines = ['function f() {', after, '  const b = load(path, "b");', '  done();', '}'];
const more = 'load(other)\n\tconst c = load(name, "c");\n';

function candidates(texts: Record<string, string> = { 'src/a.ts': lines.join('\n') }, path = 'src/a.ts') {
  const languageId = 'typescript';
  const edit = { path: 'src/a.ts', languageId, at: lines[0]!.length + 1, before, after, time: 1 };
  const all = Object.entries(texts).map(([name, text]) => ({ path: name, languageId, text }));
  return candidatesIn([edit], all, { path, place: 0 });
}
const first = candidates()[0]!;
const named = (path: string) => path;

describe('candidates', () => {
  it('are the lines most similar to the edited one, nearest first, without those that have the edit', () => {
    const texts = { 'src/a.ts': `${lines.join('\n')}\n${after}`, 'src/b.ts': more };
    expect(candidates(texts).map(({ place, at }) => [place.path, at, place.line])).toEqual([
      ['src/a.ts', 2, lines[2]],
      ['src/b.ts', 1, '\tconst c = load(name, "c");'],
    ]);
    expect(candidates(texts, 'src/b.ts').map(({ place }) => place.path)).toEqual(['src/b.ts', 'src/a.ts']);
    expect(first.place).toEqual({
      path: 'src/a.ts',
      above: lines.slice(0, 2),
      line: lines[2],
      below: lines.slice(3),
    });
    expect(lines.join('\n').slice(first.start, first.end)).toBe(lines[2]);
  });

  it('are the same lines with Windows line ends', () => {
    const text = lines.join('\r\n');
    const edit = {
      path: 'src/a.ts',
      languageId: 'typescript',
      at: lines[0]!.length + 2,
      time: 1,
      before: `${before}\r`,
      after: `${after}\r`,
    };
    const texts = [{ path: 'src/a.ts', languageId: 'typescript', text }];
    const [found] = candidatesIn([edit], texts, { path: 'src/a.ts', place: 0 });
    expect(found).toMatchObject({ example: first.example, place: first.place, at: 2 });
    expect(text.slice(found!.start, found!.end)).toBe(lines[2]);
  });

  it('are none after an edit of more than a line', () => {
    const edit = { path: 'a.ts', languageId: 'typescript', at: 0, before: 'a', after: 'a\nb', time: 1 };
    const text = { path: 'a.ts', languageId: 'typescript', text: 'a\nb\na' };
    expect(candidatesIn([edit], [text], { path: 'a.ts', place: 0 })).toEqual([]);
  });
});

describe('the prompt', () => {
  it('is a diff that lacks the new line', () => {
    expect(diffPrompt(first, named)).toEqual({
      prompt: `--- a/src/a.ts
+++ b/src/a.ts
@@
 ${lines[0]}
-${before}
+${after}
 ${lines[2]}
 ${lines[3]}
 ${lines[4]}
@@
 ${lines[0]}
 ${after}
-${lines[2]}
+`,
      heal: '  ',
    });
  });

  it("is the task from instruction tuning; the answer's line is found as soon as it is complete", () => {
    const question = taskQuestion(first, named, 'ts');
    expect(question).toContain(`The edit, in src/a.ts:\n\`\`\`diff\n-${before}\n+${after}\n\`\`\``);
    expect(question).toContain(`The place, in src/a.ts:\n\`\`\`ts\n${lines.join('\n')}\n\`\`\``);
    expect(question).toContain(`The line:\n\`\`\`ts\n${lines[2]}\n\`\`\``);
    for (const line of ['  new', '', '  `${a}`', 'a ```` b']) {
      const answer = editAnswer(line, 'ts');
      const end = answer.lastIndexOf('\n') + 1;
      for (let at = 0; at < end; at += 1) expect(lineInAnswer(answer.slice(0, at))).toBe('more');
      expect(lineInAnswer(answer.slice(0, end))).toBe(line);
    }
    for (const other of ['Sure!', '`a`', '``\n']) expect(lineInAnswer(other)).toBeUndefined();
  });
});

describe('an answer', () => {
  const made = (line: string, candidate: Candidate = first) => toOffer(candidate, line)?.parts[0]?.text;

  it('is offered if it is the same edit', () => {
    expect(made('  const b = await load(path, "b"); ')).toBe('  const b = await load(path, "b");');
    expect(toOffer(first, '  const b = await load(path, "b");')).toMatchObject({ line: 2, why: 'model' });
  });

  it('is not offered if it is no edit, a different one, or more than that', () => {
    expect(made(lines[2]!)).toBeUndefined();
    expect(made('')).toBeUndefined();
    expect(made('  const b = load(path, "c");')).toBeUndefined();
    expect(made('  const b = await load(path, "b", extra);')).toBeUndefined();
    expect(made('  const b = await load(path, "b";')).toBeUndefined();
    expect(made('const b = await load(path, "b");')).toBeUndefined();
  });

  it.each([
    ["the example's number", 'id=12', 'id=34', 'key=12', 'key=34', true],
    ['a name', 'wait(t, 5)', 'wait(LONG)', 'wait(t, 10)', 'wait(LONG)', true],
    ['a guess', "id: 'a1b22'", "id: 'c3d44'", "id: 'e5f66'", "id: 'c3d44'", false],
    [
      'a guess in a part of it',
      "v: '2.2026.08'",
      "v: '2.2027.00'",
      "v: '1.2026.03'",
      "v: '1.2027.00'",
      false,
    ],
  ])('that replaces a number by %s', (_, before, after, line, answer, isOffered) => {
    const around = { path: 'a.py', above: [], below: [] };
    const candidate: Candidate = {
      example: { ...around, line: before, after },
      place: { ...around, line },
      at: 0,
      start: 0,
      end: line.length,
    };
    expect(made(answer, candidate)).toBe(isOffered ? answer : undefined);
  });
});
