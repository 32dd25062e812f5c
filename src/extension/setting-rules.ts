/**
 * Which scope of a setting takes effect, and what its values mean. Independent of the editor, so that it can be tested.
 */

/** The part of the result of the editor's `inspect` that is used here. */
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
 * Where a setting must be written to take effect: the narrowest place that has a value, else the user settings. A value
 * for a language is written where that language already has a value, since those override all others.
 */
export function placeToWrite(inspected: Inspected, forLanguage: boolean): SettingPlace {
  const values = {
    folder: inspected.workspaceFolderValue,
    workspace: inspected.workspaceValue,
    user: inspected.globalValue,
  };
  const languageValues = {
    folder: inspected.workspaceFolderLanguageValue,
    workspace: inspected.workspaceLanguageValue,
    user: inspected.globalLanguageValue,
  };
  const narrowest = (where: Record<SettingPlace, unknown>) =>
    places.find((place) => where[place] !== undefined);
  return (forLanguage ? narrowest(languageValues) : undefined) ?? narrowest(values) ?? 'user';
}

/** Whether a language's value can be removed, because the `general` value is already the requested one. */
export function canRemoveValue(inspected: Inspected, asked: unknown, general: unknown): boolean {
  const { globalLanguageValue, workspaceLanguageValue, workspaceFolderLanguageValue } = inspected;
  const languageValues = [globalLanguageValue, workspaceLanguageValue, workspaceFolderLanguageValue].filter(
    (value) => value !== undefined,
  );
  return languageValues.length === 1 && inspected.defaultLanguageValue === undefined && general === asked;
}

/**
 * The text in the user settings, whatever a workspace says: an opened folder must not decide where code is sent. "" if
 * there is none.
 */
export function userValue({ globalValue }: Inspected): string {
  return typeof globalValue === 'string' ? globalValue.trim() : '';
}

/** The nearest whole number within the bounds; undefined if the setting is not a number. */
export function wholeWithin(
  setting: unknown,
  { minimum, maximum }: { minimum: number; maximum: number },
): number | undefined {
  if (typeof setting !== 'number' || Number.isNaN(setting)) return undefined;
  return Math.round(Math.min(maximum, Math.max(minimum, setting)));
}

/** Which files of a folder are read. */
export interface FolderGlobs {
  /** Its name among several folders. */
  name: string;
  include: readonly string[];
  exclude: readonly string[];
}

/** The globs as options. If folders differ, each option names its folder: "--include=api:src". */
export function globArguments(folders: readonly FolderGlobs[]): string[] {
  const [first, ...others] = folders.map((folder) => optionsOf(folder));
  if (others.every((options) => options.join('\n') === first!.join('\n'))) return first ?? [];
  return folders.flatMap((folder) => optionsOf(folder, `${folder.name}:`));
}

const optionsOf = ({ include, exclude }: FolderGlobs, prefix = ''): string[] => [
  ...include.map((glob) => `--include=${prefix}${glob}`),
  ...exclude.map((glob) => `--exclude=${prefix}${glob}`),
];
