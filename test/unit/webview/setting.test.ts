/** How metrics were measured, as the evaluator states it, in other languages. */
import { afterEach, expect, it } from 'vitest';
import { describeSetting } from '../../../src/evaluation/measure.ts';
import { setLanguage } from '../../../src/text/l10n.ts';
import { english, msg, textOf, joinTexts, withTexts } from '../../../src/text/message.ts';
import { heldOutLoss } from '../../../src/training/held-out.ts';
import { settingAlone, settingIn, settingWithin } from '../../../webview/view-model/setting.ts';
import { bundleIn } from '../../support/manifest.ts';

afterEach(() => setLanguage('en'));

/** As the tasks `workspace` and `humaneval` write them, when time did not allow all items. */
const sizes = joinTexts(
  [
    joinTexts([msg`${1016} held-out sequences of up to ${512} tokens`, msg` from ${3} files`], ''),
    msg`${4} of prose${msg` from 1 file`}`,
  ],
  '; ',
);
const workspace = msg`${'quick'}: ${describeSetting({ setting: sizes }, 8, 41)}`;
const how = msg`greedy, 1 sample each`;
const humaneval = msg`${'paper'}: ${msg`${20} of ${164} problems, ${how}, at most ${512} tokens`}`;

it('has its parts in order', () => {
  setLanguage('de', bundleIn('de'));
  expect(settingIn(workspace)).toBe(
    'schnell: 1016 zurückgehaltene Sequenzen von bis zu 512 Tokens, aus 3 Dateien; ' +
      '4 mit Fließtext, aus 1 Datei; davon 8 von 41 Elementen, soweit die Zeit reichte',
  );
  expect(settingWithin(humaneval)).toBe(
    '(wie in der Veröffentlichung) 20 von 164 Aufgaben, greedy, je 1 Versuch, höchstens 512 Tokens',
  );
  expect(settingAlone(sizes)).toMatch(/^1016 zurückgehaltene Sequenzen/);
});

it('is stored with the metric', () => {
  setLanguage('zh-cn', bundleIn('zh-cn'));
  const metric = heldOutLoss([{ sum: 6, weight: 3 }]);
  expect(metric.setting).toBe('during training: 1 held-out sequences, 3 tokens');
  expect(settingIn(textOf(metric, 'setting'))).not.toMatch(/[a-z]{6}/);
});

it('stays in English if only stored in English, except for its name', () => {
  const { setting } = withTexts({ setting: workspace });
  expect(setting).toBe(english(workspace));
  expect(settingAlone(setting)).toBe(setting.replace('quick: ', ''));
  expect(settingIn(humaneval)).toBe(
    'as in the paper: 20 of 164 problems, greedy, 1 sample each, at most 512 tokens',
  );
  setLanguage('de', bundleIn('de'));
  expect(settingIn(setting)).toBe(setting.replace('quick', 'schnell'));
  expect(settingIn('24 held-out cursors')).toBe('24 held-out cursors');
});
