/** Texts from processes and files in English, as the editor shows them in another language. */
import { afterEach, describe, expect, it } from 'vitest';
import { phaseIn } from '../../../src/findings/phases.ts';
import { sentenceIn } from '../../../src/findings/summary-sentence.ts';
import { runEventSchema } from '../../../src/protocol/events.ts';
import { serverFailedSchema } from '../../../src/protocol/server.ts';
import { errorOf, logged, msg, parseError, reportError, UserError } from '../../../src/text/errors.ts';
import {
  decimal,
  inEnglish,
  percent,
  setLanguage,
  t,
  tKnown,
  translate,
  whole,
  withButtons,
} from '../../../src/text/l10n.ts';
import {
  english,
  textOf,
  textsSchema,
  joinTexts,
  withTexts,
  withAllTexts,
  withValue,
  type Text,
  type Texts,
} from '../../../src/text/message.ts';
import { formatBytes } from '../../../src/text/units.ts';
import { bundleIn } from '../../support/manifest.ts';
import { makeRun } from '../webview/fixtures.ts';

afterEach(() => setLanguage('en'));
const german = () => setLanguage('de', bundleIn('de'));

/** What the parent of a child process receives. */
const sent = (error: unknown) =>
  errorOf(serverFailedSchema.parse(JSON.parse(JSON.stringify({ type: 'failed', ...reportError(error) }))));

it('untrusted text is shown unchanged, even if it looks like one of ours', () => {
  german();
  for (const text of ['constructor', '__proto__', 'toString', '{constructor}'])
    expect([tKnown(text), translate({ message: text, values: {} })]).toEqual([text, text]);
});

describe('a message', () => {
  it('is English with its values, unless another language is set', () => {
    const message = msg`The disk is full: ${'/a'} could not be written.`;
    expect(english(message)).toBe('The disk is full: /a could not be written.');
    expect(translate(message)).toBe(english(message));
    setLanguage('fr');
    expect(translate(message)).toBe(english(message));
    expect(english(msg`${'{1}'} of ${'$&'}`)).toBe('{1} of $&');
  });

  it("has numbers in the language's format, but not versions", () => {
    const needed = msg`This run would take about ${formatBytes(12.34e9)} of memory, but only ${formatBytes(8e9)} are available.`;
    german();
    expect(translate(needed)).toBe(
      'Dieser Lauf bräuchte etwa 12,34 GB Arbeitsspeicher, aber nur 8,00 GB sind verfügbar.',
    );
    expect(
      translate(msg`Forget-Me-Not needs glibc 2.${34} or newer, and this Linux has ${'2.31'}.`),
    ).toContain('hat 2.31.');
  });

  it('has reasons that are messages themselves, with one full stop', () => {
    const diverged = msg`Training diverged at step ${40}: ${msg`the gradient has vanished`}`;
    const kept = msg`${diverged}; the checkpoint of step ${30} is kept.`;
    const failed = msg`llama.cpp does not start on this machine: ${msg`The disk is full.`}.`;
    expect(english(failed)).toBe('llama.cpp does not start on this machine: The disk is full.');
    german();
    expect(translate(kept)).toBe(
      'Das Training divergierte bei Schritt 40: der Gradient ist verschwunden; der Prüfpunkt von Schritt 30 bleibt erhalten.',
    );
    expect(translate(failed)).toMatch(/: Der Datenträger ist voll\.$/);
  });

  it('names steps by their buttons, including those filled in later', () => {
    german();
    const made = joinTexts([msg`There is no run "${'workspace'}".`, msg`Go on. {resume}`]);
    const { text, steps } = withButtons(withValue(made, 'resume', '{resume garden-1}'));
    expect(text).toBe('Es gibt keinen Lauf „workspace“. Go on. „Training fortsetzen“');
    expect(steps).toEqual([{ id: 'resume', subject: 'garden-1' }]);
    expect(withValue('Go on with {resume}.', 'resume', '{resume x}')).toBe('Go on with {resume x}.');
  });

  it('is joined with others as the language does it', () => {
    setLanguage('zh-cn', bundleIn('zh-cn'));
    expect(translate(joinTexts([msg`The disk is full.`, msg`The disk is full.`]))).not.toMatch(/\s/);
  });
});

describe('an error from another process', () => {
  // A sentence that the bundle contains, special characters, and apparent placeholders: a user's folder may be named
  // so.
  const folder = '/home/me/The disk is full. $& {0} {1} „ä“ 1,234';

  it('arrives with its values unchanged, and is translated', () => {
    const error = sent(
      new UserError(
        'corpus-unreadable',
        msg`The folder ${folder} can't be read: ${msg`it does not exist`}.`,
        msg`Free some space and run the same command again.`,
      ),
    );
    expect(error).toMatchObject({
      code: 'corpus-unreadable',
      message: `The folder ${folder} can't be read: it does not exist.`,
      next: 'Free some space and run the same command again.',
    });
    german();
    expect(translate(error.what)).toBe(`Der Ordner ${folder} kann nicht gelesen werden: es gibt ihn nicht.`);
    expect(translate(error.whatNext)).toBe('Platz schaffen und denselben Befehl noch einmal ausführen.');
  });

  it("is recognised from Node's errors, and from the last output in a log", () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const last = parseError(`noise\n{"code": 3}\n${logged(full)}\n    at somewhere\n`)!;
    expect(last).toMatchObject({ code: 'disk-full', message: 'The disk is full.' });
    german();
    for (const text of [last.what, sent(full).what])
      expect(translate(text)).toBe('Der Datenträger ist voll.');
  });

  it('stays unchanged if its origin is unknown', () => {
    const report = { code: 'memory', message: 'The disk is full.', next: 'b' };
    german();
    expect(translate(errorOf(report).what)).toBe('The disk is full.');
    expect(reportError(new UserError('memory', 'a', 'b'))).toEqual({
      code: 'memory',
      message: 'a',
      next: 'b',
    });
  });
});

describe('a record with texts', () => {
  it('has them in English, along with their keys and values', () => {
    const why = msg`the loss stayed at ${'9.00'}`;
    expect(withTexts({ why, next: 'as it is', none: undefined })).toEqual({
      why: 'the loss stayed at 9.00',
      next: 'as it is',
      none: undefined,
      texts: { why: { message: 'the loss stayed at {0}', values: { 0: '9.00' } } },
    });
    expect(withTexts({ why: 'x' })).toEqual({ why: 'x' });
    expect(withAllTexts(['a', why])).toMatchObject({
      warnings: ['a', 'the loss stayed at 9.00'],
      texts: { 1: { message: 'the loss stayed at {0}' } },
    });
  });

  it('is read back as it was', () => {
    const made: Text = msg`${msg`it does not exist`}: ${3}`;
    const record = JSON.parse(JSON.stringify(withTexts({ made }))) as { made: string; texts?: Texts };
    expect(textOf(record, 'made')).toEqual(made);
  });

  it('uses the English text if that has changed since', () => {
    const record = { ...withTexts({ phase: msg`the loss stayed at ${'9.00'}` }), phase: 'Training' };
    expect(textOf(record, 'phase')).toBe('Training');
  });

  it('is still read if the data next to its English text is broken, or too deep', () => {
    const deep = Array.from({ length: 9 }).reduce<Text>((inner) => msg`a ${inner}`, 'b');
    for (const texts of [
      3,
      { message: 'x' },
      { message: { message: 'x', values: { 0: [] } } },
      { message: deep },
    ])
      expect(textsSchema.parse(texts)).toBeUndefined();
    const event = { type: 'warning', time: '', message: 'Beware.', texts: [] };
    expect(runEventSchema.parse(event)).toMatchObject({ message: 'Beware.' });
  });
});

it('translates phases with their numbers', () => {
  german();
  expect(phaseIn('Loading the model')).toBe('Modell wird geladen');
  expect(phaseIn('Training: step 3 of 10')).toBe('Training: Schritt 3 von 10');
  expect(phaseIn('Training, resumed at step 40')).toContain('40');
  expect(phaseIn('Training, back from step 20 to step 8')).toMatch(/20.*8/);
  expect(phaseIn('Step 40: Held-out text 3 of 9')).toBe('Schritt 40: Zurückgehaltener Text 3 von 9');
  expect(phaseIn('HumanEval 4 of 20')).toBe('HumanEval 4 von 20');
  expect(phaseIn('something new')).toBe('something new');
});
it("rebuilds the result's sentence from the metrics, in English as it is stored", () => {
  const summary = makeRun().summary!;
  expect(sentenceIn(summary)).toBe(summary.sentence);
  german();
  expect(sentenceIn({ ...summary, pending: ['humaneval'] })).toMatch(
    /^Vervollständigt 42 von 100 .* Sagt zurückgehaltenen Text besser voraus als vorher\. .*bleibt auf anderem Text nah am Basismodell\. Nur teilweise gemessen, weil die Zeit um war: HumanEval\.$/,
  );
});

it('formats numbers like the language, with the same digits', () => {
  // Intl rounds 1.005 up, from its shortest digits; numbers must not differ between languages.
  expect([decimal(1.005, 2), whole(12345), percent(0.285, 1)]).toEqual(['1.00', '12,345', '28.5%']);
  german();
  expect([decimal(1.005, 2), whole(12345), percent(0.285, 1)]).toEqual(['1,00', '12.345', '28,5\u00a0%']);
  expect(inEnglish(() => `${decimal(0.5, 1)} ${t('better')}`)).toBe('0.5 better');
  expect(t('better')).toBe('besser');
});
