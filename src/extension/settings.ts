/** The person's settings, read afresh each time: never cached, so a change holds at once. */
import * as vscode from 'vscode';
import { AUTO_BASE } from '../base-models/choose.ts';

const section = 'forgetMeNot';
const get = <T>(name: string, fallback: T): T =>
  vscode.workspace.getConfiguration(section).get<T>(name) ?? fallback;

export const settings = {
  get completionEnabled() {
    return get('completion.enabled', true);
  },
  get debounceMs() {
    return get('completion.debounce', 150);
  },
  get maxTokens() {
    return get('completion.maxTokens', 64);
  },
  get disabledLanguages() {
    return get<string[]>('completion.disabledLanguages', []);
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
  get dataDirectory() {
    return get('dataDirectory', '').trim();
  },
  get nodePath() {
    return get('nodePath', '').trim();
  },
};

export function setCompletionEnabled(enabled: boolean): Thenable<void> {
  return vscode.workspace
    .getConfiguration(section)
    .update('completion.enabled', enabled, vscode.ConfigurationTarget.Global);
}

export function setLanguageEnabled(language: string, enabled: boolean): Thenable<void> {
  const others = settings.disabledLanguages.filter((one) => one !== language);
  return vscode.workspace
    .getConfiguration(section)
    .update(
      'completion.disabledLanguages',
      enabled ? others : [...others, language],
      vscode.ConfigurationTarget.Global,
    );
}

/** Children and the code that reads runs find the data directory in the environment. */
export function applyDataDirectory(inherited: string | undefined): void {
  const chosen = settings.dataDirectory || inherited;
  if (chosen) process.env['FORGET_ME_NOT_HOME'] = chosen;
  else delete process.env['FORGET_ME_NOT_HOME'];
}

export const changesSetting = (event: vscode.ConfigurationChangeEvent, name: string) =>
  event.affectsConfiguration(`${section}.${name}`);
