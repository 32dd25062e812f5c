/** Which of the places of a setting decides, and what its values mean. No editor here, so that it can be tested. */

/** What `inspect` of the editor's configuration says, as far as it is looked at. */
export interface Inspected {
  defaultLanguageValue?: unknown;
  globalValue?: unknown;
  workspaceValue?: unknown;
  workspaceFolderValue?: unknown;
  globalLanguageValue?: unknown;
  workspaceLanguageValue?: unknown;
  workspaceFolderLanguageValue?: unknown;
}

export type SettingPlace = 'folder' | 'workspace' | 'user';

const places = ['folder', 'workspace', 'user'] as const;

/**
 * Where a setting is to be written so that it holds: the narrowest place that has a value, the person's own settings where
 * none has. A value for a language is written beside the values for that language, which decide over all others.
 */
export function placeToWrite(inspected: Inspected, forLanguage: boolean): SettingPlace {
  const values = {
    folder: inspected.workspaceFolderValue,
    workspace: inspected.workspaceValue,
    user: inspected.globalValue,
  };
  const ofLanguage = {
    folder: inspected.workspaceFolderLanguageValue,
    workspace: inspected.workspaceLanguageValue,
    user: inspected.globalLanguageValue,
  };
  const narrowest = (where: Record<SettingPlace, unknown>) =>
    places.find((place) => where[place] !== undefined);
  return (forLanguage ? narrowest(ofLanguage) : undefined) ?? narrowest(values) ?? 'user';
}

/** Whether a language comes to what is asked for without the value of its own that it has: `general` decides then. */
export function needsNoValue(inspected: Inspected, asked: unknown, general: unknown): boolean {
  const { globalLanguageValue, workspaceLanguageValue, workspaceFolderLanguageValue } = inspected;
  const own = [globalLanguageValue, workspaceLanguageValue, workspaceFolderLanguageValue].filter(
    (value) => value !== undefined,
  );
  return own.length === 1 && inspected.defaultLanguageValue === undefined && general === asked;
}

/** Bounds of `completion.debounce`, as package.json states them. */
export const PAUSE_MS = { least: 0, most: 2000 };

/** Milliseconds of pause that were set, within the bounds; undefined: it follows the person's typing. */
export function pauseOf(setting: unknown): number | undefined {
  if (typeof setting !== 'number' || Number.isNaN(setting)) return undefined;
  return Math.round(Math.min(PAUSE_MS.most, Math.max(PAUSE_MS.least, setting)));
}
