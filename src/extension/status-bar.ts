/** The status bar item: training progress, or which model completes and how fast. Hidden if there is neither. */
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
  }

  refresh(): void {
    const shown = this.describe();
    if (!shown) return this.item.hide();
    const { text, tooltip } = shown;
    this.item.text = text;
    this.item.tooltip = new vscode.MarkdownString(tooltip);
    this.item.accessibilityInformation = {
      label: text.replace(/\$\([^)]*\)/g, 'Forget-Me-Not:'),
      role: 'button',
    };
    this.item.show();
  }

  private describe(): { text: string; tooltip: string } | undefined {
    const { runs, completion, store } = this.services;
    const live = runs.live.find((run) => this.services.isHere(run));
    if (live)
      return {
        text: `$(sync~spin) ${shortProgress(live)}`,
        tooltip: `**Fine-tuning ${live.spec.name}**\n\n${progressLine(live)}`,
      };
    const inUse = completion.inUse;
    if (!inUse) return undefined;
    if (completion.snoozedUntil) {
      const until = completion.snoozedUntil.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
      return {
        text: `$(bell-slash) snoozed until ${until}`,
        tooltip: `Completion with ${inUse.name} is snoozed until ${until}.`,
      };
    }
    const { isTrusted } = vscode.workspace;
    const document = vscode.window.activeTextEditor?.document;
    if (!isTrusted || !(settings.completionEnabled() || (document && settings.completionEnabled(document))))
      return {
        text: '$(circle-slash) completion off',
        tooltip: `Completion with ${inUse.name} is turned off.`,
      };
    if (document && !settings.completionEnabled(document)) {
      const language = languageName(document.languageId);
      return {
        text: `$(circle-slash) not in ${language}`,
        tooltip: `Completion with ${inUse.name} is turned off for ${language}.`,
      };
    }
    const { shown, accepted, kept, dropped } = store.acceptance(inUse.id);
    const speed = completion.latencyMs === undefined ? '' : ` ${Math.round(completion.latencyMs)} ms`;
    const share = shown ? ` (${Math.round((100 * accepted) / shown)}%)` : '';
    return {
      text: `$(${completion.busy ? 'loading~spin' : 'sparkle'}) ${inUse.name}${speed}`,
      tooltip: `**Completion with ${inUse.name}**\n\n${inUse.run?.summary?.sentence ?? ''}\n\n${accepted} of ${shown} completions accepted${share}${kept + dropped ? `; ${kept} of ${kept + dropped} still there later` : ''}.`,
    };
  }

  dispose(): void {
    this.item.dispose();
  }
}
