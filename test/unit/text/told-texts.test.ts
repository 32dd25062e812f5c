/** Errors and sentences that other processes tell in English, as the editor shows them in another language. */
import { afterEach, describe, expect, it } from 'vitest';
import { sentenceIn } from '../../../src/findings/summary-sentence.ts';
import { reportError, UserError } from '../../../src/text/errors.ts';
import {
  decimal,
  inEnglish,
  percent,
  speak,
  t,
  tKnown,
  tTold,
  whole,
  withButtons,
} from '../../../src/text/l10n.ts';
import { phaseIn } from '../../../src/findings/phases.ts';
import { formatBytes } from '../../../src/text/units.ts';
import { bundleIn } from '../../support/manifest.ts';
import { makeRun } from '../webview/fixtures.ts';

afterEach(() => speak('en'));
const german = () => speak('de', bundleIn('de'));

it('a text of others is shown as it is, whatever it is called', () => {
  german();
  for (const text of ['constructor', '__proto__', 'toString', '{constructor}'])
    expect(tKnown(text)).toBe(text);
});

describe('a sentence that was told in English', () => {
  it('stays as it is without translations', () => {
    speak('fr');
    expect(tTold('The disk is full.')).toBe('The disk is full.');
  });

  it('is recognised with its values, which are written as the language does it', () => {
    const needed = `This run would take about ${formatBytes(12.34e9)} of memory, but only ${formatBytes(8e9)} are available.`;
    german();
    expect(tTold(needed)).toBe(
      'Dieser Lauf bräuchte etwa 12,34 GB Arbeitsspeicher, aber nur 8,00 GB sind verfügbar.',
    );
    expect(
      tTold('The corpus has only 1,234 training tokens; sequences repeat from the first step on.'),
    ).toContain('nur 1.234 Tokens');
  });

  it('is recognised with what to do next behind it, and with the step that it names', () => {
    german();
    const told = 'Run garden-1 has no result yet. Let it finish, or resume it with {resume garden-1}.';
    const { text, steps } = withButtons(told);
    expect(text).toBe(
      'Der Lauf garden-1 hat noch kein Ergebnis. Warten, bis er fertig ist, oder ihn mit „Training fortsetzen“ fortsetzen.',
    );
    expect(steps).toEqual([{ id: 'resume', subject: 'garden-1' }]);
  });

  it('does not take in the sentence behind it, nor the name of a run, nor a version', () => {
    german();
    expect(
      tTold('Run g-1 is being trained by process 123. Wait until it ends, or stop it with {cancel g-1}.'),
    ).toBe(
      'Der Lauf g-1 wird gerade von Prozess 123 trainiert. Warten, bis er endet, oder ihn mit {cancel g-1} stoppen.',
    );
    expect(tTold('There is no run "workspace".')).toBe('Es gibt keinen Lauf „workspace“.');
    expect(tTold('Forget-Me-Not needs glibc 2.34 or newer, and this Linux has 2.31.')).toContain('hat 2.31.');
  });

  it('has its reason translated, too, where that is known', () => {
    german();
    expect(
      tTold('Training diverged at step 40: there is no gradient left; the checkpoint of step 30 is kept.'),
    ).toBe(
      'Das Training divergierte bei Schritt 40: es ist kein Gradient mehr da; der Prüfpunkt von Schritt 30 bleibt erhalten.',
    );
    expect(tTold('/models/a.gguf is damaged: something new.')).toBe(
      '/models/a.gguf ist beschädigt: something new.',
    );
  });

  it('stays English, sentence by sentence, where it is not known; so do commands and paths', () => {
    german();
    expect(tTold('Nobody wrote this. Run {doctor}.')).toBe('Nobody wrote this. {doctor} ausführen.');
    for (const text of [
      '/home/me/My Files. Old/a.ts',
      'forget-me-not resume garden-1',
      '3 of 4',
      'step 4: x',
    ])
      expect(tTold(text)).toBe(text);
    expect(tTold(tTold('The disk is full.'))).toBe('Der Datenträger ist voll.');
  });

  it('is left alone if it is long, whatever is in it', () => {
    german();
    for (const text of [', '.repeat(50_000), 'A is damaged: b. '.repeat(5000), 'a; b, c: '.repeat(150)])
      expect(tTold(text)).toBe(text);
  });

  it("is known for what Node's own errors become", () => {
    const full = reportError(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    const network = reportError(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    german();
    for (const { message, next } of [full, network])
      for (const text of [message, next]) expect(tTold(text)).not.toBe(text);
    expect(reportError(new UserError('memory', 'a', 'b'))).toEqual({
      code: 'memory',
      message: 'a',
      next: 'b',
    });
  });
});

it('tells phases with their figures', () => {
  german();
  expect(phaseIn('Loading the model')).toBe('Modell wird geladen');
  expect(phaseIn('Training: step 3 of 10')).toBe('Training: Schritt 3 von 10');
  expect(phaseIn('Step 40: Held-out text 3 of 9')).toBe('Schritt 40: Zurückgehaltener Text 3 von 9');
  expect(phaseIn('HumanEval 4 of 20')).toBe('HumanEval 4 von 20');
  expect(phaseIn('something new')).toBe('something new');
});

it("makes the result's sentence again from the figures, in English as it is stored", () => {
  const summary = makeRun().summary!;
  expect(sentenceIn(summary)).toBe(summary.sentence);
  german();
  expect(sentenceIn({ ...summary, pending: ['humaneval'] })).toMatch(
    /^Vervollständigt 42 von 100 .* Sagt zurückgehaltenen Code besser voraus als vorher\. .*bleibt auf anderem Text nah am Basismodell\. Nur teilweise gemessen, weil die Zeit um war: HumanEval\.$/,
  );
});

it('writes numbers as the language does, with the same digits', () => {
  // Intl rounds 1.005 up, from its shortest digits; figures must not differ between the languages.
  expect([decimal(1.005, 2), whole(12345), percent(0.285, 1)]).toEqual(['1.00', '12,345', '28.5%']);
  german();
  expect([decimal(1.005, 2), whole(12345), percent(0.285, 1)]).toEqual(['1,00', '12.345', '28,5\u00a0%']);
  expect(inEnglish(() => `${decimal(0.5, 1)} ${t('better')}`)).toBe('0.5 better');
  expect(t('better')).toBe('besser');
});
