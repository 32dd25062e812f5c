/**
 * The user's settings. Never cached, so that a change takes effect at once. The editor supplies the defaults from
 * package.json.
 */
import { isAbsolute } from 'node:path';
import * as vscode from 'vscode';
import packageJson from '../../package.json' with { type: 'json' };
import { leastChance, type CompletionSettings } from '../completion/index.ts';
import { AUTO_BASE } from '../base-models/choose.ts';
import { nameFolders } from '../corpus/reading/folders.ts';
import { dataDir, expandHome } from '../platform/files/paths.ts';
import { loopbackNames } from '../platform/network/loopback.ts';
import { UserError } from '../text/errors.ts';
import { gpuChoices, type GpuChoice } from '../protocol/gpu.ts';
import { t } from '../text/l10n.ts';
import type { BackendName } from '../protocol/run.ts';
import {
  globArguments,
  canRemoveValue,
  userValue,
  placeToWrite,
  wholeWithin,
  type Inspected,
  type SettingPlace,
} from './setting-rules.ts';
import { resolveBase, resolveOptions } from './workspace-rules.ts';

const section = 'forgetMeNot';
const ENABLED = 'completion.enabled';
const NEXT_EDIT = 'nextEdit.enabled';
const LEARN_FROM_USE = 'completion.learnFromUse';
const BACKGROUND = 'training.background';
const ENDPOINT_MODEL = 'completion.endpointModel';
const inspect = (name: string): Inspected & { defaultValue?: unknown } =>
  vscode.workspace.getConfiguration(section).inspect(name) ?? {};
/** The value for the language of `scope`, if it has its own; else the general one. */
const get = <T>(name: string, scope?: vscode.ConfigurationScope): T =>
  vscode.workspace.getConfiguration(section, scope).get<T>(name) ?? (inspect(name).defaultValue as T);

/** A setting with a fixed set of values: the default if it has another value. */
function oneOf<T extends string>(name: string, names: readonly T[], document?: vscode.TextDocument): T {
  const chosen = get<T>(name, document);
  return names.includes(chosen) ? chosen : (inspect(name).defaultValue as T);
}

const { properties } = packageJson.contributes.configuration;
/** A whole number within its bounds in package.json, which the editor does not enforce in settings.json. */
const whole = (name: 'completion.maxTokens' | 'completion.debounce'): number | undefined =>
  wholeWithin(get(name), properties[`${section}.${name}`]);

const showChoices = Object.keys(leastChance) as (keyof typeof leastChance)[];
const resolvedBase = () => resolveBase(inspect('base'), get('base'));
const resolvedOptions = () => resolveOptions(inspect('training.options'), get('training.options'));

export const settings = {
  /** For a document, whose language may have its own value, or in general. */
  completionEnabled: (document?: vscode.TextDocument) => get<boolean>(ENABLED, document),
  /** Whether next edits are offered, in the language of a document or of a closed file, if it is known. */
  nextEditEnabled: (scope: vscode.ConfigurationScope) => get<boolean>(NEXT_EDIT, scope),
  /** What the completion core gets with each request in a document. */
  forCompletion: (document: vscode.TextDocument): CompletionSettings => ({
    maxTokens: whole('completion.maxTokens') ?? properties['forgetMeNot.completion.maxTokens'].default,
    debounceMs: whole('completion.debounce'),
    minChance: leastChance[oneOf('completion.show', showChoices, document)],
  }),
  /** Whether it is learned how sure a suggestion must be: in general, or of those in a document. */
  learnsFromUse: (document?: vscode.TextDocument) =>
    // Where everything is shown, what is passed over says nothing.
    get<boolean>(LEARN_FROM_USE) && !(document && oneOf('completion.show', showChoices, document) === 'all'),
  /** Whether the editor shows inline suggestions automatically: a setting of the editor. */
  inlineSuggestions: (document: vscode.TextDocument) =>
    vscode.workspace.getConfiguration('editor', document).get('inlineSuggest.enabled', true),
  /** Whether suggestions are shown next to the editor's own list. */
  besideSuggestList: (document: vscode.TextDocument) =>
    get<boolean>('completion.besideSuggestList', document),
  /** Whether parts of the repository's other files go into prompts. */
  repositoryInPrompt: () => get<boolean>('completion.repository'),
  /** What completion computes on. */
  gpu: (): GpuChoice => oneOf('completion.gpu', gpuChoices),
  /** Whether a copy of the base with the result in it is kept, where that is faster. */
  foldedCopy: () => get<boolean>('completion.foldedCopy'),
  /** Address of a remote completion server; "": this machine completes. */
  endpoint: () => userValue(inspect('completion.endpoint')),
  /** The remote server's model; "": its only one. */
  endpointModel: () => userValue(inspect(ENDPOINT_MODEL)),
  /** Dashboard address of the Ray cluster that trains; "": this machine trains. */
  cluster: () => userValue(inspect('cluster')),
  /** Where the cluster keeps checkpoints; "": on its nodes. */
  clusterStorage: () => userValue(inspect('clusterStorage')),
  base: () => expandHome(resolvedBase().value.trim()) || AUTO_BASE,
  method: () => get<'lora' | 'full'>('training.method'),
  minutes: () => get<number>('training.minutes'),
  /** Whether the result in use learns what has changed, while the machine is idle. */
  background: () => oneOf(BACKGROUND, ['off', 'whenIdle']),
  backend: () => get<'auto' | BackendName>('training.backend'),
  /** The backend and the GPU as options. `override` replaces the backend in the settings. */
  backendOptions(override?: BackendName): string[] {
    const backend = override ?? get<'auto' | BackendName>('training.backend');
    const device = get<string>('training.device').trim();
    const onGpu = backend === 'auto' || backend === 'webgpu';
    return ['--backend', backend, ...(device && onGpu ? ['--device', device] : [])];
  },
  trainOptions: () => resolvedOptions().value,
  /** Values in the workspace's settings that a workspace may not decide; they are ignored. */
  ignored: () => ({ base: resolvedBase().ignored, options: resolvedOptions().ignored }),
  /** The globs for these folders as options; a folder may have its own settings. */
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
  dataDirectory: () => expandHome(get<string>('dataDirectory').trim()),
  nodePath: () => get<string>('nodePath').trim(),
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
 * Turns completion on or off, for the language of `document` or in general. Writes to the scope whose value takes
 * effect, and returns it. Errors: not-writable if that scope can't be written, or something else overrides it.
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
  const value = forLanguage && canRemoveValue(inspected, enabled, general) ? undefined : enabled;
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
const update = (name: string, value: unknown): Thenable<void> =>
  vscode.workspace.getConfiguration(section).update(name, value, vscode.ConfigurationTarget.Global);

/** Removes the remote server, so that this machine completes. */
export const clearEndpoint = () => update('completion.endpoint', undefined);
export const setTrainWhenIdle = () => update(BACKGROUND, 'whenIdle');
export const setEndpointModel = (model: string) => update(ENDPOINT_MODEL, model);

/**
 * The editor's own proxy for downloads, as variables of child processes; empty if the environment names one, or if it is
 * of a kind that they can't use. As in the editor, this machine is asked directly; so is the cluster.
 */
export function proxyVariables(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const http = vscode.workspace.getConfiguration('http');
  const proxy = http.get<string>('proxy');
  const isNamed = Object.entries(env).some(([name, value]) => /^(https?|all)_proxy$/i.test(name) && value);
  if (!proxy || !/^https?:\/\//i.test(proxy) || isNamed || http.get('proxySupport') === 'off') return {};
  const inherited = env['no_proxy'] || env['NO_PROXY'];
  const direct = [inherited, ...(http.get<string[]>('noProxy') ?? []), ...loopbackNames];
  const cluster = settings.cluster();
  if (URL.canParse(cluster)) direct.push(new URL(cluster).hostname);
  const list = direct.filter(Boolean).join(',');
  // Programs differ in which of the two they prefer.
  return { HTTPS_PROXY: proxy, NO_PROXY: list, no_proxy: list };
}

/**
 * Passes the data directory to child processes, and to the code that reads runs, in the environment. Returns why the
 * setting was not followed: a relative path would lead into a folder that each process has for itself.
 */
export function applyDataDirectory(inherited: string | undefined): UserError | undefined {
  const asked = settings.dataDirectory();
  const chosen = isAbsolute(asked) ? asked : inherited;
  if (chosen) process.env['FORGET_ME_NOT_HOME'] = chosen;
  else delete process.env['FORGET_ME_NOT_HOME'];
  if (!asked || isAbsolute(asked)) return undefined;
  return new UserError(
    'bad-argument',
    t('The data folder in the settings is not an absolute path on this machine: {path}.', { path: asked }),
    t('Name the whole path. Until then, {folder} is used.', { folder: dataDir() }),
  );
}

export const changesSetting = (event: vscode.ConfigurationChangeEvent, name: string) =>
  event.affectsConfiguration(`${section}.${name}`);
