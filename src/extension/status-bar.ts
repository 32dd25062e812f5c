/** The status bar item: idle, training progress, or which adapter completes and how fast. */
import * as vscode from 'vscode';
import type { ServicesWithCompletion } from './completion/completion-service.ts';
import { languageName } from './completion/language-name.ts';
import { settings } from './settings.ts';
import { progressLine, shortProgress } from './texts.ts';

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'forgetMeNot.status',
    vscode.StatusBarAlignment.Right,
    90,
  );

  constructor(private readonly services: ServicesWithCompletion) {
    this.item.name = 'Forget-Me-Not';
    this.item.command = 'forgetMeNot.menu';
    this.item.show();
  }

  refresh(): void {
    const { text, tooltip } = this.describe();
    this.item.text = text;
    this.item.tooltip = new vscode.MarkdownString(tooltip);
    this.item.accessibilityInformation = {
      label: text.replace(/\$\([^)]*\)/g, 'Forget-Me-Not:'),
      role: 'button',
    };
  }

  private describe(): { text: string; tooltip: string } {
    const { runs, completion, store } = this.services;
    const live = runs.live.find((run) => this.services.isHere(run));
    if (live)
      return {
        text: `$(sync~spin) ${shortProgress(live)}`,
        tooltip: `**Fine-tuning ${live.spec.name}**\n\n${progressLine(live)}`,
      };
    const inUse = completion.inUse;
    if (!inUse) return { text: '$(beaker) Forget-Me-Not', tooltip: 'No adapter completes code here yet.' };
    if (completion.snoozedUntil) {
      const until = completion.snoozedUntil.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
      return {
        text: `$(bell-slash) snoozed until ${until}`,
        tooltip: `Completion with ${inUse.spec.name} is snoozed until ${until}.`,
      };
    }
    const { isTrusted } = vscode.workspace;
    const document = vscode.window.activeTextEditor?.document;
    if (!isTrusted || !(settings.completionEnabled() || (document && settings.completionEnabled(document))))
      return {
        text: '$(circle-slash) completion off',
        tooltip: `Completion with ${inUse.spec.name} is turned off.`,
      };
    if (document && !settings.completionEnabled(document)) {
      const language = languageName(document.languageId);
      return {
        text: `$(circle-slash) not in ${language}`,
        tooltip: `Completion with ${inUse.spec.name} is turned off for ${language}.`,
      };
    }
    const { shown, accepted, kept, dropped } = store.acceptance(inUse.spec.id);
    const speed = completion.latencyMs === undefined ? '' : ` ${Math.round(completion.latencyMs)} ms`;
    const share = shown ? ` (${Math.round((100 * accepted) / shown)}%)` : '';
    return {
      text: `$(${completion.busy ? 'loading~spin' : 'sparkle'}) ${inUse.spec.name}${speed}`,
      tooltip: `**Completion with ${inUse.spec.name}**\n\n${inUse.summary?.sentence ?? ''}\n\n${accepted} of ${shown} completions accepted${share}${kept + dropped ? `; ${kept} of ${kept + dropped} still there later` : ''}.`,
    };
  }

  dispose(): void {
    this.item.dispose();
  }
}
