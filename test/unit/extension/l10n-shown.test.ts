/** How the extension's texts read in another language. */
import { afterEach, expect, it } from 'vitest';
import { decimal, fullDate, setLanguage, t, withButtons } from '../../../src/text/l10n.ts';
import { doctorText, progressLine } from '../../../src/extension/texts.ts';
import { baseChoices } from '../../../src/extension/wizard/bases.ts';
import { bundleIn, type translations } from '../../support/manifest.ts';
import { metricLabel } from '../../../webview/view-model/labels.ts';
import { makeRun } from '../webview/fixtures.ts';

afterEach(() => setLanguage('en'));

const setLanguageTo = (language: (typeof translations)[number]) => setLanguage(language, bundleIn(language));

it('is English with its values, unless another language is set', () => {
  expect(t('{name} was measured.', { name: 'garden' })).toBe('garden was measured.');
  expect(t('{steps} steps', { steps: 0 })).toBe('0 steps');
  expect(t('{done} of {total}', { done: '{total}', total: '$&' })).toBe('{total} of $&');
  setLanguageTo('de');
  expect(t('{name} was measured.', { name: 'garden' })).toBe('garden wurde gemessen.');
});

it("has numbers and dates in the language's format", () => {
  const date = new Date(2026, 2, 9);
  expect([decimal(2.44, 1), fullDate(date)]).toEqual(['2.4', '3/9/2026']);
  setLanguageTo('de');
  expect([decimal(2.44, 1), decimal(1234.5, 1), fullDate(date)]).toEqual(['2,4', '1234,5', '9.3.2026']);
  setLanguageTo('zh-cn');
  expect(fullDate(date)).toBe('2026/3/9');
});

it("names steps by their buttons, even in the command line's English", () => {
  setLanguageTo('de');
  const { text, steps } = withButtons('Go on with {resume garden-1}.');
  expect(text).toBe('Go on with „Training fortsetzen“.');
  expect(steps).toEqual([{ id: 'resume', subject: 'garden-1' }]);
  const check = { area: 'tensorflow', title: 'TensorFlow', status: 'missing', text: 'None.' } as const;
  const checks = [{ ...check, command: 'forget-me-not runtime install' }];
  const report = { summary: '', version: '', checks } as unknown as Parameters<typeof doctorText>[0];
  expect(doctorText(report)).toContain('**Forget-Me-Not: TensorFlow installieren**');
});

it("translates a trainer's phases, which it reports in English", () => {
  const state = { status: 'running', etaSeconds: 200, phase: 'Reading files' } as const;
  setLanguageTo('zh-cn');
  expect(progressLine(makeRun({ upTo: 0, state }))).toBe('正在读取文件 · 剩余约 3 min');
  expect(progressLine(makeRun({ upTo: 0, state: { ...state, phase: 'HumanEval 4 of 20' } }))).toMatch(
    /^HumanEval 4\/20 · /,
  );
});

it('names the metrics of a task in its words', () => {
  setLanguageTo('de');
  expect(metricLabel('humaneval_line', 'pass@1')).toBe('HumanEval, eine Zeile ergänzt pass@1');
  expect(metricLabel('gsm8k', 'exact match')).toBe('GSM8K exakte Übereinstimmung');
});

it('says what a base is for', () => {
  setLanguageTo('de');
  const models = [{ id: 'smollm2-135m', present: true, leastMemory: { lora: 9e9, full: 9e9 } }];
  const offered = { models, availableMemory: 8e9, default: { id: 'smollm2-135m', why: 'it is small' } };
  const [first] = baseChoices('auto', offered);
  expect(first!.description).toContain('bereits vorhanden');
  expect(first!.detail).toContain('Nutzt nur den Code vor dem Cursor.');
  expect(first!.detail).toContain('Es braucht 9,0 GB Arbeitsspeicher, frei sind 8,0 GB.');
});
