/** How figures were measured, as the evaluator writes it in English, read in other languages. */
import { afterEach, describe, expect, it } from 'vitest';
import { speak } from '../../../src/text/l10n.ts';
import { settingAlone, settingIn, settingWithin } from '../../../webview/view-model/setting.ts';
import { bundleIn, translations } from '../../support/manifest.ts';

afterEach(() => speak('en'));

/** All that tasks write, with their longest parts. */
const settings = [
  "quick: 16 held-out sequences of up to 512 tokens; 12 held-out cursors in 3 files with the editor's prompts: up to 2,400 characters before them, 600 after, and 1,600 of other files",
  'quick: 1,016 held-out sequences of up to 512 tokens from 3 files, 8 of older and 8 of new code; 4 of prose from 1 file; 8 of these 41 items, as time allowed',
  'paper: 6 held-out sequences of up to 64 tokens of prose, as no code is held out',
  'paper: 6 held-out sequences of up to 64 tokens from 1 file of data, as no code is held out',
  'quick: latency: time to 16 tokens at 8 cursors in 1 file, the faster of 2 times, base and result in turn on as many threads as completion uses, all but the last key read before',
  'during training: 16 held-out sequences, 8192 tokens',
  'quick: 8 texts of up to 128 tokens sampled from the base at temperature 1; 24 pieces of up to 512 tokens of source.txt',
  'quick: 20 of 164 problems, greedy, 1 sample each, at most 512 tokens',
  'paper: 164 of 164 problems, 100 samples each, temperature 0.8, top-p 0.95, at most 512 tokens; 20 of these 164 items, as time allowed',
  'quick: 8 of 1319 questions, 5-shot, greedy, strict match, at most 256 tokens',
  'paper: 400 of 1267 questions, log-likelihood, no examples',
  'mean of hellaswag acc_norm, arc_challenge acc_norm, winogrande acc; 4 + 2 + 3 questions',
  "24 held-out cursors with the editor's prompts, 8 texts of the base's own, 16 of HumanEval's solutions",
];
/** Words of the texts above that no translation has. */
const english =
  /\b(the|of|from|held|with|as|no|each|at|most|these|items|files?|of prose|problems|questions|pieces)\b/;

describe.each(translations)('in %s', (language) => {
  it.each(settings)('nothing stays English of "%s"', (setting) => {
    speak(language, bundleIn(language));
    expect(settingIn(setting).replace(/acc_norm|source\.txt/g, '')).not.toMatch(english);
  });
});

it('has its numbers as the language writes them, and its parts in their order', () => {
  speak('de', bundleIn('de'));
  expect(settingIn(settings[1]!)).toBe(
    'schnell: 1.016 zurückgehaltene Sequenzen von bis zu 512 Tokens, aus 3 Dateien, 8 mit älterem und 8 mit neuem Code; ' +
      '4 mit Fließtext, aus 1 Datei; davon 8 von 41 Elementen, soweit die Zeit reichte',
  );
  expect(settingWithin(settings[7]!)).toBe(
    '(schnell) 20 von 164 Aufgaben, greedy, je 1 Versuch, höchstens 512 Tokens',
  );
});

it('stays as it was written in English', () => {
  for (const setting of settings)
    expect(settingAlone(setting)).toBe(setting.replace(/^(quick|paper|during training): /, ''));
  expect(settingIn(settings[2]!)).toBe(
    'as in the paper: 6 held-out sequences of up to 64 tokens of prose, as no code is held out',
  );
});
