/**
 * The user's settings, read each time and never cached, so that a change takes effect at once. Their defaults are those
 * of package.json, which the editor gives.
 */
import * as vscode from 'vscode';
import { leastChance, type ShowChoice } from '../completion/index.ts';
import { AUTO_BASE } from '../base-models/choose.ts';
import { nameFolders } from '../corpus/reading/folders.ts';
import { UserError } from '../text/errors.ts';
import { gpuChoices, type GpuChoice } from '../protocol/gpu.ts';
import { t } from '../text/l10n.ts';
import type { BackendName } from '../protocol/run.ts';
import {
  globArguments,
  needsNoValue,
  ofUser,
  pauseOf,
  placeToWrite,
  type Inspected,
  type SettingPlace,
} from './setting-rules.ts';
import { decideBase, decideOptions } from './workspace-rules.ts';

const section = 'forgetMeNot';
const ENABLED = 'completion.enabled';
const NEXT_EDIT = 'nextEdit.enabled';
const LEARN_FROM_USE = 'completion.learnFromUse';
const ENDPOINT_MODEL = 'completion.endpointModel';
const inspect = (name: string): Inspected & { defaultValue?: unknown } =>
  vscode.workspace.getConfiguration(section).inspect(name) ?? {};
/** In a document whose language has its own value, that; else in general. */
const get = <T>(name: string, scope?: vscode.ConfigurationScope): T =>
  vscode.workspace.getConfiguration(section, scope).get<T>(name) ?? (inspect(name).defaultValue as T);

/** A setting that is one of a few names: the default where somebody wrote another. */
function choice<T extends string>(name: string, names: readonly T[], document?: vscode.TextDocument): T {
  const chosen = get<T>(name, document);
  return names.includes(chosen) ? chosen : (inspect(name).defaultValue as T);
}

const decidedBase = () => decideBase(inspect('base'), get('base'));
const decidedOptions = () => decideOptions(inspect('training.options'), get('training.options'));

export const settings = {
  /** For a document, whose language may have its own value; else in general. */
  completionEnabled(document?: vscode.TextDocument) {
    return get<boolean>(ENABLED, document);
  },
  /** Whether next edits are offered, in the language of a document. */
  nextEditEnabled(document: vscode.TextDocument) {
    return get<boolean>(NEXT_EDIT, document);
  },
  /** When the model is asked for next edits: never, if it has learned to, or always. */
  nextEditModel(document: vscode.TextDocument) {
    return choice('nextEdit.model', ['off', 'tuned', 'on'], document);
  },
  /** Undefined: the pause adapts to the user's typing. */
  get debounceMs() {
    return pauseOf(get('completion.debounce'));
  },
  get maxTokens() {
    return get<number>('completion.maxTokens');
  },
  /** Which suggestions are shown in a document. */
  show(document: vscode.TextDocument): ShowChoice {
    return choice('completion.show', Object.keys(leastChance) as ShowChoice[], document);
  },
  /** Whether the editor shows inline suggestions by itself: a setting of its own. */
  inlineSuggestions(document: vscode.TextDocument) {
    return vscode.workspace.getConfiguration('editor', document).get('inlineSuggest.enabled', true);
  },
  /** Whether suggestions are shown beside the editor's own list. */
  besideSuggestList(document: vscode.TextDocument) {
    return get<boolean>('completion.besideSuggestList', document);
  },
  /** Whether parts of the repository's other files go into prompts. */
  get repositoryInPrompt() {
    return get<boolean>('completion.repository');
  },
  /** On what completion computes. */
  get gpu(): GpuChoice {
    return choice('completion.gpu', gpuChoices);
  },
  /** Whether a copy of the base with the result in it is kept, where that is faster. */
  get foldedCopy() {
    return get<boolean>('completion.foldedCopy');
  },
  /** Address of a completion server elsewhere; "": this machine completes. */
  get endpoint() {
    return ofUser(inspect('completion.endpoint'));
  },
  /** The server's model; "": its only one. */
  get endpointModel() {
    return ofUser(inspect(ENDPOINT_MODEL));
  },
  /** Address of the dashboard of a Ray cluster that trains; "": this machine trains. */
  get cluster() {
    return ofUser(inspect('cluster'));
  },
  /** Where the cluster keeps checkpoints; "": on its nodes. */
  get clusterStorage() {
    return ofUser(inspect('clusterStorage'));
  },
  /** Whether completions are recorded. */
  get learnFromUse() {
    return get<boolean>(LEARN_FROM_USE);
  },
  get base() {
    return decidedBase().value.trim() || AUTO_BASE;
  },
  get method() {
    return get<'lora' | 'full'>('training.method');
  },
  get minutes() {
    return get<number>('training.minutes');
  },
  get backend() {
    return get<'auto' | BackendName>('training.backend');
  },
  /** The backend and the GPU, as options. `instead`: another backend than the one in the setting. */
  backendOptions(instead?: BackendName): string[] {
    const backend = instead ?? this.backend;
    const device = get<string>('training.device').trim();
    const onGpu = backend === 'auto' || backend === 'webgpu';
    return ['--backend', backend, ...(device && onGpu ? ['--device', device] : [])];
  },
  get trainOptions() {
    return decidedOptions().value;
  },
  /** What the workspace's settings say of the base and of the options, and may not; each is ignored. */
  get ignored() {
    return { base: decidedBase().ignored, options: decidedOptions().ignored };
  },
  /** Which files of these folders are read, as options; a folder may have its own settings. */
  globOptions(folders: readonly string[]): string[] {
    const globsIn = (folder: string, name: 'include' | 'exclude') =>
      get<string[]>(`training.${name}`, vscode.Uri.file(folder)).filter((glob) => glob.trim());
    return globArguments(
      nameFolders(folders).map(({ path, name }) => ({
        name,
        include: globsIn(path, 'include'),
        exclude: globsIn(path, 'exclude'),
      })),
    );
  },
  get dataDirectory() {
    return get<string>('dataDirectory').trim();
  },
  get nodePath() {
    return get<string>('nodePath').trim();
  },
};

const targets: Record<SettingPlace, vscode.ConfigurationTarget> = {
  folder: vscode.ConfigurationTarget.WorkspaceFolder,
  workspace: vscode.ConfigurationTarget.Workspace,
  user: vscode.ConfigurationTarget.Global,
};

/** "user settings" */
export const placeName = (place: SettingPlace): string =>
  ({
    folder: t('folder settings'),
    workspace: t('workspace settings'),
    user: t('user settings'),
  })[place];

/**
 * Turns completion on or off, for the language of `document` or in general. Writes to the place whose value decides
 * now, and returns it. Errors: not-writable if that place can't be written, or does not decide after all.
 */
export async function setCompletionEnabled(
  enabled: boolean,
  { document, forLanguage = false }: { document?: vscode.TextDocument | undefined; forLanguage?: boolean },
): Promise<SettingPlace> {
  const scope = forLanguage ? document : document?.uri;
  const configuration = () => vscode.workspace.getConfiguration(section, scope);
  const now = configuration();
  const inspected: Inspected = now.inspect(ENABLED) ?? {};
  const place = placeToWrite(inspected, forLanguage);
  const settings = placeName(place);
  if (now.get(ENABLED) === enabled) return place;
  const general = vscode.workspace.getConfiguration(section, document?.uri).get(ENABLED);
  const value = forLanguage && needsNoValue(inspected, enabled, general) ? undefined : enabled;
  try {
    await now.update(ENABLED, value, targets[place], forLanguage);
  } catch (error) {
    const why = (error as Error).message;
    throw new UserError(
      'not-writable',
      enabled
        ? t("Completion could not be turned on: the {settings} can't be written ({why}).", { settings, why })
        : t("Completion could not be turned off: the {settings} can't be written ({why}).", {
            settings,
            why,
          }),
      t('Open the settings and correct the error there.'),
    );
  }
  if (configuration().get(ENABLED) === enabled) return place;
  throw new UserError(
    'not-writable',
    enabled
      ? t(
          'The {settings} now say that completion is on, but something else overrides them, such as a policy of your organisation.',
          { settings },
        )
      : t(
          'The {settings} now say that completion is off, but something else overrides them, such as a policy of your organisation.',
          { settings },
        ),
    t('Look for "{setting}" in the settings.', { setting: `${section}.${ENABLED}` }),
  );
}

/** Writes the user setting, for all workspaces. */
export const setLearnFromUse = (wanted: boolean): Thenable<void> =>
  vscode.workspace
    .getConfiguration(section)
    .update(LEARN_FROM_USE, wanted, vscode.ConfigurationTarget.Global);

/** From now on this machine completes. */
export const clearEndpoint = (): Thenable<void> =>
  vscode.workspace
    .getConfiguration(section)
    .update('completion.endpoint', undefined, vscode.ConfigurationTarget.Global);

/** Writes the user setting. */
export const setEndpointModel = (model: string): Thenable<void> =>
  vscode.workspace.getConfiguration(section).update(ENDPOINT_MODEL, model, vscode.ConfigurationTarget.Global);

/** Child processes and the code that reads runs find the data directory in the environment. */
export function applyDataDirectory(inherited: string | undefined): void {
  const chosen = settings.dataDirectory || inherited;
  if (chosen) process.env['FORGET_ME_NOT_HOME'] = chosen;
  else delete process.env['FORGET_ME_NOT_HOME'];
}

export const changesSetting = (event: vscode.ConfigurationChangeEvent, name: string) =>
  event.affectsConfiguration(`${section}.${name}`);
