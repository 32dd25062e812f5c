/** The person's settings, read afresh each time: never cached, so a change holds at once. */
import * as vscode from 'vscode';
import { AUTO_BASE } from '../base-models/choose.ts';
import { UserError } from '../protocol/errors.ts';
import { needsNoValue, pauseOf, placeToWrite, type Inspected, type SettingPlace } from './setting-rules.ts';

const section = 'forgetMeNot';
const ENABLED = 'completion.enabled';
const LEARN_FROM_USE = 'completion.learnFromUse';
const get = <T>(name: string, fallback: T): T =>
  vscode.workspace.getConfiguration(section).get<T>(name) ?? fallback;

export const settings = {
  /** In a document, whose language may have a value of its own; else in general. */
  completionEnabled(document?: vscode.TextDocument) {
    return vscode.workspace.getConfiguration(section, document).get(ENABLED, true);
  },
  /** Undefined: the pause follows the person's typing. */
  get debounceMs() {
    return pauseOf(get<unknown>('completion.debounce', null));
  },
  get maxTokens() {
    return get('completion.maxTokens', 64);
  },
  /** Whether what becomes of completions is kept, to learn from. */
  get learnFromUse() {
    return get(LEARN_FROM_USE, false);
  },
  get base() {
    return get('base', AUTO_BASE).trim() || AUTO_BASE;
  },
  get method() {
    return get<'lora' | 'full'>('training.method', 'lora');
  },
  get minutes() {
    return get('training.minutes', 5);
  },
  get backend() {
    return get<'auto' | 'tensorflow' | 'wasm'>('training.backend', 'auto');
  },
  get trainOptions() {
    return get<string[]>('training.options', []);
  },
  /** What of a folder is read, as options: a folder may have settings of its own. */
  globOptions(folder: string): string[] {
    const configuration = vscode.workspace.getConfiguration(section, vscode.Uri.file(folder));
    return (['include', 'exclude'] as const).flatMap((name) =>
      configuration
        .get<string[]>(`training.${name}`, [])
        .filter((glob) => glob.trim())
        .map((glob) => `--${name}=${glob}`),
    );
  },
  get dataDirectory() {
    return get('dataDirectory', '').trim();
  },
  get nodePath() {
    return get('nodePath', '').trim();
  },
};

const targets: Record<SettingPlace, vscode.ConfigurationTarget> = {
  folder: vscode.ConfigurationTarget.WorkspaceFolder,
  workspace: vscode.ConfigurationTarget.Workspace,
  user: vscode.ConfigurationTarget.Global,
};

/**
 * Turns completion on or off: in the language of `document`, or in general. Written where the value lives that decides
 * now, which is returned. Errors: not-writable where that can't be written, or does not decide after all.
 */
export async function setCompletionEnabled(
  enabled: boolean,
  { document, forLanguage = false }: { document?: vscode.TextDocument | undefined; forLanguage?: boolean },
): Promise<SettingPlace> {
  const scope = forLanguage ? document : document?.uri;
  const configuration = () => vscode.workspace.getConfiguration(section, scope);
  const state = enabled ? 'on' : 'off';
  const now = configuration();
  const inspected: Inspected = now.inspect(ENABLED) ?? {};
  const place = placeToWrite(inspected, forLanguage);
  if (now.get(ENABLED) === enabled) return place;
  const general = vscode.workspace.getConfiguration(section, document?.uri).get(ENABLED);
  const value = forLanguage && needsNoValue(inspected, enabled, general) ? undefined : enabled;
  try {
    await now.update(ENABLED, value, targets[place], forLanguage);
  } catch (error) {
    throw new UserError(
      'not-writable',
      `Completion could not be turned ${state}: the ${place} settings can't be written (${(error as Error).message}).`,
      'Open the settings and correct what is wrong there.',
    );
  }
  if (configuration().get(ENABLED) === enabled) return place;
  throw new UserError(
    'not-writable',
    `The ${place} settings say now that completion is ${state}, but something else decides, such as a policy of your organisation.`,
    `Look for "${section}.${ENABLED}" in the settings.`,
  );
}

/** The person's own setting, for all workspaces. */
export const setLearnFromUse = (wanted: boolean): Thenable<void> =>
  vscode.workspace
    .getConfiguration(section)
    .update(LEARN_FROM_USE, wanted, vscode.ConfigurationTarget.Global);

/** Children and the code that reads runs find the data directory in the environment. */
export function applyDataDirectory(inherited: string | undefined): void {
  const chosen = settings.dataDirectory || inherited;
  if (chosen) process.env['FORGET_ME_NOT_HOME'] = chosen;
  else delete process.env['FORGET_ME_NOT_HOME'];
}

export const changesSetting = (event: vscode.ConfigurationChangeEvent, name: string) =>
  event.affectsConfiguration(`${section}.${name}`);
