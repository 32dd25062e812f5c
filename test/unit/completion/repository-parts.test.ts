import { describe, expect, it } from 'vitest';
import { defaultBudget } from '../../../src/completion/prompt/context.ts';
import { PromptSpeed } from '../../../src/completion/prompt/prompt-speed.ts';
import { RepositoryParts } from '../../../src/completion/prompt/repository-parts.ts';
import type { ContextFile } from '../../../src/completion/types.ts';
import { settle, setUp } from './set-up.ts';

const place = { repository: 'shop', path: 'a.ts' };
const tax = { filename: 'tax.ts', text: 'export function taxOf(price: number): number\n' };
const document = (before: string) => ({ path: 'a.ts', languageId: 'typescript', before, after: '', place });

/** A source that returns what the test provides. */
function slowSource() {
  const asked: { budget: number; answer: (parts: readonly ContextFile[]) => void; fail: () => void }[] = [];
  const parts = (_: unknown, budget: number) =>
    new Promise<readonly ContextFile[]>((answer, fail) =>
      asked.push({ budget, answer, fail: () => fail(new Error('no index')) }),
    );
  return { asked, parts };
}
const never = () => new Promise<void>(() => undefined);
const atOnce = () => Promise.resolve();

describe('snippets of the repository', () => {
  it('are requested once while the cursor stays near', async () => {
    const { asked, parts } = slowSource();
    const choice = new RepositoryParts(never);
    const first = choice.choose(document('one('), { parts }, () => 1000);
    asked[0]!.answer([tax]);
    expect(await first).toEqual([tax]);
    const second = await choice.choose(document('one(two'), { parts }, () => 5000);
    expect(second).toBe(await choice.choose(document('one(two)'), { parts }, () => 5000));
    expect(asked).toHaveLength(1);
    expect(asked[0]!.budget).toBeLessThanOrEqual(1000);
    void choice.choose(document('x'.repeat(1300)), { parts }, () => 1000);
    expect(asked).toHaveLength(2);
  });

  it('leave windows of open files as they are while typing, before they are here and after', async () => {
    const open = { path: 'open.ts', text: 'const taxTotal = taxOf(priceTotal);\n'.repeat(5) };
    const { asked, parts } = slowSource();
    const choice = new RepositoryParts(atOnce);
    let looked = 0;
    const files = () => {
      looked += 1;
      return [open];
    };
    const choose = (typed: string) =>
      choice.choose(document(`const taxTotal = taxOf(${typed}`), { parts, files }, () => 1000);
    const before = await choose('');
    expect(await choose('p')).toBe(before);
    asked[0]!.answer([tax]);
    await settle();
    const after = await choose('pr');
    expect(after.map(({ filename }) => filename)).toEqual(['open.ts', 'tax.ts']);
    expect(await choose('pri')).toBe(after);
    expect(looked).toBe(2);
  });

  it('are awaited once, however many keys are typed before the source answers', async () => {
    const { parts } = slowSource();
    let waits = 0;
    const choice = new RepositoryParts(() => {
      waits += 1;
      return Promise.resolve();
    });
    for (const text of ['one(', 'one(t', 'one(tw'])
      expect(await choice.choose(document(text), { parts }, () => 1000)).toEqual([]);
    expect(waits).toBe(1);
  });

  it('are kept while typing, and requested again if there were none', async () => {
    for (const [found, times] of [
      [[tax], 1],
      [[], 3],
    ] as const) {
      const { asked, parts } = slowSource();
      const choice = new RepositoryParts(atOnce);
      for (let key = 0; key < 80; key += 1) {
        await choice.choose(document('x'.repeat(key)), { parts }, () => 1000);
        asked.at(-1)!.answer(found);
        await settle();
      }
      expect(asked).toHaveLength(times);
    }
  });

  it('that arrive late are used in the next prompt', async () => {
    const { asked, parts } = slowSource();
    const choice = new RepositoryParts(atOnce);
    expect(await choice.choose(document('one('), { parts }, () => 1000)).toEqual([]);
    asked[0]!.answer([tax]);
    await settle();
    expect(await choice.choose(document('one(t'), { parts }, () => 1000)).toEqual([tax]);
    expect(asked).toHaveLength(1);
  });

  it('are kept while new ones are late, but not for another file', async () => {
    const { asked, parts } = slowSource();
    const choice = new RepositoryParts(atOnce);
    await choice.choose(document('one('), { parts }, () => 1000);
    asked[0]!.answer([tax]);
    await settle();
    const far = 'x'.repeat(1300);
    const before = await choice.choose(document('one(t'), { parts }, () => 1000);
    expect(await choice.choose(document(far), { parts }, () => 1000)).toBe(before);
    expect(asked).toHaveLength(2);
    expect(await choice.choose(document(far + far), { parts }, () => 1000)).toBe(before);
    const next = { ...tax, filename: 'next.ts' };
    asked[2]!.answer([next]);
    await settle();
    expect(await choice.choose(document(far + far), { parts }, () => 1000)).toEqual([next]);
    expect(await choice.choose({ ...document(far), path: 'b.ts' }, { parts }, () => 1000)).toEqual([]);
  });

  it('that fail do not affect the completion', async () => {
    const { asked, parts } = slowSource();
    const choice = new RepositoryParts(never);
    const open = { path: 'open.ts', text: 'const taxTotal = taxOf(priceTotal);\n'.repeat(5) };
    const first = choice.choose(
      document('const taxTotal = taxOf('),
      { parts, files: () => [open] },
      () => 1000,
    );
    asked[0]!.fail();
    expect((await first).map(({ filename }) => filename)).toEqual(['open.ts']);
  });

  it('share one budget with open files, without repeating their text', async () => {
    const lines = Array.from({ length: 20 }, (_, at) => `const taxTotal${at} = taxOf(priceTotal${at});\n`);
    const files = () => [
      { path: 'same.ts', text: lines.join('') },
      {
        path: 'other.ts',
        text: lines
          .join('')
          .replaceAll('const', 'let')
          .replaceAll(/\d+/g, (n) => `${n}x`),
      },
    ];
    const same = { filename: 'same.ts', text: lines.slice(0, 15).join('') };
    const choice = new RepositoryParts(never);
    const context = await choice.choose(
      document(lines[0]!),
      { parts: () => Promise.resolve([same]), files },
      () => 2000,
    );
    expect(context.filter(({ filename }) => filename === 'same.ts')).toEqual([same]);
    expect(context.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(2000);
  });

  it('are requested again once one of their files has changed', async () => {
    const { asked, parts } = slowSource();
    const choice = new RepositoryParts(atOnce);
    const own = { ...tax, filename: 'a.ts' };
    const choose = async (...found: ContextFile[]) => {
      const context = await choice.choose(document('one('), { parts }, () => 1000);
      asked.at(-1)!.answer(found);
      await settle();
      return context;
    };
    await choose(tax, own);
    const before = await choose();
    choice.filesChanged(['a.ts', 'other.ts', 'tax']);
    expect(await choose()).toBe(before);
    expect(asked).toHaveLength(1);
    choice.filesChanged(['other.ts', 'tax.ts']);
    // Kept until the new ones are here.
    expect(await choose({ ...tax, filename: 'lib/tax.ts' })).toBe(before);
    expect((await choose()).map(({ filename }) => filename)).toEqual(['lib/tax.ts']);
    // A folder was moved.
    choice.filesChanged(['lib']);
    await choose();
    expect(await choose()).toEqual([]);
    expect(asked).toHaveLength(3);
  });

  it('come with new windows of open files that have changed', async () => {
    const open = { path: 'open.ts', text: 'const taxTotal = taxOf(priceTotal);\n'.repeat(5) };
    const choice = new RepositoryParts(never);
    const choose = async () => {
      const at = document('const taxTotal = taxOf(');
      const sources = { parts: () => Promise.resolve([tax]), files: () => [open] };
      return (await choice.choose(at, sources, () => 1000)).find(({ filename }) => filename === 'open.ts');
    };
    const before = await choose();
    open.text = open.text.replaceAll('priceTotal', 'price');
    expect(await choose()).toBe(before);
    choice.filesChanged(['open.ts']);
    expect((await choose())!.text).toBe(open.text);
  });

  it('precede the file itself in the prompt', async () => {
    const { completer, requests, at } = setUp();
    const parts = () => Promise.resolve([tax]);
    void completer.complete(at('const total = ', { place, parts, invoked: true }));
    await settle();
    expect(requests[0]!.ask).toMatchObject({ context: [tax], place });
  });
});

describe('without an index', () => {
  it('looks at open files again after thirty requests, and keeps what is still right', async () => {
    const open = { path: 'open.ts', text: 'const taxTotal = taxOf(priceTotal);\n'.repeat(5) };
    const choice = new RepositoryParts(never);
    const choose = () =>
      choice.choose(document('const taxTotal = taxOf('), { files: () => [open] }, () => 1000);
    const first = await choose();
    expect(first).toMatchObject([{ filename: 'open.ts', text: open.text }]);
    const chooseAgain = async (times: number) => {
      for (let request = 1; request < times; request += 1) await choose();
      return choose();
    };
    expect(await chooseAgain(30)).toEqual(first);
    open.text = open.text.replaceAll('priceTotal', 'price');
    expect(await chooseAgain(29)).toEqual(first);
    expect(await choose()).toMatchObject([{ filename: 'open.ts', text: open.text }]);
  });

  it('does not grow the share of open files for a fast model', async () => {
    const { completer, requests, at, pass } = setUp();
    for (const name of ['apple', 'pear', 'plum', 'cherry']) {
      const text = `const ${name}Total = taxOf(price, country, ${name}Rate);\n`.repeat(60);
      const files = () => [{ path: `${name}s.ts`, text }];
      const before = 'const sum = taxOf(price, country';
      void completer.complete(at(before, { path: `${name}.ts`, place, files, invoked: true }));
      await settle();
      pass(1);
      requests.at(-1)!.stream('x');
      const sent = requests.at(-1)!.ask.context!.reduce((sum, one) => sum + one.text.length, 0);
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThanOrEqual(defaultBudget.others!);
    }
  });
});

describe('the budget for other files', () => {
  const request = (characters: number) => ({
    ...{ model: 'm', prompt: 'x'.repeat(1000), maxTokens: 1, stop: [] },
    context: [{ filename: '', text: 'y'.repeat(characters) }],
  });
  const { others } = { others: 0, ...defaultBudget };

  it('has its default until a prompt has been read', () =>
    expect(new PromptSpeed().others(defaultBudget)).toBe(others));
  it('follows the reading speed, within bounds', () => {
    const budgetAt = (milliseconds: number) => {
      const speed = new PromptSpeed();
      speed.answered(request(0), 60_000);
      speed.answered(request(1000), milliseconds);
      return speed.others(defaultBudget);
    };
    expect(budgetAt(10)).toBe(2 * others);
    expect(budgetAt(10_000)).toBe(0.5 * others);
    // 2000 characters in 500 ms make 6000 in 1.5 s; the file itself takes 3000.
    expect(budgetAt(500)).toBe(3000);
  });
  it('ignores prompts that were in the cache', () => {
    const speed = new PromptSpeed();
    speed.answered(request(0), 60_000);
    speed.answered(request(1000), 500);
    // Sent again, and after another file.
    speed.answered(request(1000), 1);
    speed.answered({ ...request(0), context: [], prompt: 'z'.repeat(500) }, 1);
    speed.answered(request(1000), 1);
    expect(speed.others(defaultBudget)).toBe(3000);
  });
  it('is stable while the speed hardly changes', () => {
    const speed = new PromptSpeed();
    const file = (text: string) => ({ ...request(0), context: [{ filename: '', text: text.repeat(1000) }] });
    speed.answered(request(0), 60_000);
    speed.answered(file('a'), 600);
    const before = speed.others(defaultBudget);
    speed.answered(file('b'), 560);
    expect(speed.others(defaultBudget)).toBe(before);
    speed.answered(file('c'), 300);
    expect(speed.others(defaultBudget)).toBeGreaterThan(before);
  });
});
