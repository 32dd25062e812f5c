/** How something was measured, in the editor's language. */
import { t, translate } from '../../src/text/l10n.ts';
import type { Text } from '../../src/text/message.ts';

const prefixes = (): Partial<Record<string, string>> => ({
  quick: t('quick'),
  paper: t('as in the paper'),
  'during training': t('during training'),
});

/** "quick: 16 held-out sequences of up to 512 tokens; 40 cursors". */
export function settingIn(setting: Text): string {
  const { prefix, rest } = partsOf(setting);
  return prefix === undefined ? rest : t('{what}: {text}', { what: prefix, text: rest });
}

/** The same as a part of a sentence: "(quick) 16 held-out sequences". */
export function settingWithin(setting: Text): string {
  const { prefix, rest } = partsOf(setting);
  return prefix === undefined ? rest : t('({what}) {text}', { what: prefix, text: rest });
}

/** What follows the prefix. */
export const settingAlone = (setting: Text): string => partsOf(setting).rest;

/** Splits what evaluation/measure.ts joined; earlier versions wrote it as a single English text. */
function partsOf(setting: Text): { prefix: string | undefined; rest: string } {
  const [name, rest] =
    typeof setting === 'string'
      ? (/^([a-z ]+): (.*)$/s.exec(setting)?.slice(1) ?? [])
      : [setting.values['0'], setting.values['1']];
  const prefix = prefixes()[String(name)];
  return { prefix, rest: translate(prefix === undefined ? setting : (rest as Text)) };
}
