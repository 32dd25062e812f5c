/** How something was measured, which the evaluator says in English, in the language of the editor. */
import { t, tTold } from '../../src/protocol/l10n.ts';

const prefixes = (): Record<string, string> => ({
  quick: t('quick'),
  paper: t('as in the paper'),
  'during training': t('during training'),
});

/** "quick: 16 held-out sequences of up to 512 tokens; 40 cursors". */
export function settingIn(setting: string): string {
  const { prefix, rest } = partsOf(setting);
  return prefix === undefined ? rest : t('{what}: {text}', { what: prefix, text: rest });
}

/** The same as a part of a sentence: "(quick) 16 held-out sequences". */
export function settingWithin(setting: string): string {
  const { prefix, rest } = partsOf(setting);
  return prefix === undefined ? rest : t('({what}) {text}', { what: prefix, text: rest });
}

/** What follows the prefix. */
export const settingAlone = (setting: string): string => partsOf(setting).rest;

function partsOf(setting: string): { prefix: string | undefined; rest: string } {
  const [, prefix, rest = setting] = /^(quick|paper|during training): (.*)$/s.exec(setting) ?? [];
  return { prefix: prefix && prefixes()[prefix], rest: rest.split('; ').map(partIn).join(t('; ')) };
}

/** "in 3 files" is too short to be recognised. */
const partIn = (part: string): string =>
  tTold(part).replace(/\b(\d+) files?\b/g, (_, count: string) =>
    count === '1' ? t('1 file') : t('{count} files', { count }),
  );
