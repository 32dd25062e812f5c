import { beforeEach, describe, expect, it, vi } from 'vitest';
import { askPreferences } from '../../../src/extension/wizard/ask-preferences.ts';
import type { Draft, Plan } from '../../../src/extension/wizard/draft.ts';
import { trainArguments } from '../../../src/extension/wizard/wizard.ts';
import { answers, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const plan: Plan = { folders: ['/shop'], base: 'a-base', method: 'lora', budget: { minutes: 60 } };
const place = { title: 'Fine-tune on Workspace', step: 4, steps: 4 };
const kept = (texts: number) => () => Promise.resolve({ bases: [{ id: 'a-base', texts }] });
const ask = (draft: Draft, texts: number) => askPreferences(draft, place, kept(texts));

describe('whether to learn from use', () => {
  beforeEach(reset);

  it('is asked where there are some hundreds of texts by the chosen base, and train is told', async () => {
    answers.push('Yes');
    const answered = await ask(plan, 412);
    expect(shown).toEqual(['Also learn from how you used completions? (Yes)']);
    expect(trainArguments({ ...plan, ...(answered as object) })).toContain('--preferences');
    answers.push('No');
    const refused = await ask(plan, 412);
    expect(trainArguments({ ...plan, ...(refused as object) })).not.toContain('--preferences');
  });
  it('is asked by what was recorded in all folders together', async () => {
    answers.push('No');
    await ask({ ...plan, folders: ['/shop', '/api'] }, 150);
    expect(shown).toEqual([expect.stringContaining('Also learn')]);
  });
  it('is not asked where there are too few, or of another base, or nothing to hold them against', async () => {
    const drafts = [
      await ask(plan, 150),
      await ask({ ...plan, base: 'another' }, 412),
      await ask({ ...plan, method: 'full' }, 412),
    ];
    expect(shown).toEqual([]);
    for (const draft of drafts) expect(draft).not.toHaveProperty('preferences');
    expect(await ask({ ...plan, preferences: true }, 150)).toMatchObject({ preferences: undefined });
  });
});
