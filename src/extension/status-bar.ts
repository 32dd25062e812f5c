/** The status bar item: training progress, or which model completes. Hidden if there is neither. */
import * as vscode from 'vscode';
import { sentenceIn } from '../findings/summary-sentence.ts';
import type { CompletionModel } from './completion/completion-model.ts';
import type { ServicesWithCompletion } from './completion/completion-service.ts';
import { languageName } from './completion/language-name.ts';
import { FEW_TAKEN, type DropReason } from '../completion/index.ts';
import type { Acceptance } from '../protocol/panel.ts';
import { reasonOf, type UserError } from '../text/errors.ts';
import { decimal, percent, t, timeOfDay, translate } from '../text/l10n.ts';
import { settings } from './settings.ts';
import { progressLine, shortProgress } from './texts.ts';
import { plainLabel } from './plain.ts';
import { tooltip } from './editor-ui.ts';

/** Shown after an unfinished setup of completion, to continue it. */
const setupState = () => ({
  text: `$(sparkle) ${t('Forget-Me-Not: set up')}`,
  paragraphs: [
    t('Nothing completes your code yet'),
    t('Click to set it up. You are asked before anything is downloaded.'),
  ],
  command: 'forgetMeNot.completeUntuned',
});

/** Shown if the chosen model went away. */
const goneState = (why: UserError) => ({
  text: `$(warning) ${t('Forget-Me-Not: choose a model')}`,
  paragraphs: [
    t('Nothing completes your code any more'),
    translate(reasonOf(why)),
    t('Click to choose another model.'),
  ],
  command: 'forgetMeNot.switchAdapter',
});

/** Without it, an answer that is not worth showing would look like none. */
const whyNothing = (dropped: DropReason | undefined): string =>
  dropped === undefined
    ? ''
    : dropped === 'unsure'
      ? t('The last suggestion was too unlikely to be shown. The command Trigger Inline Suggestion shows it.')
      : t('The model had nothing to suggest at the last place.');

const speed = (milliseconds: number | undefined): string =>
  milliseconds === undefined
    ? ''
    : t('Answers in about {seconds} s.', { seconds: decimal(Math.max(milliseconds, 100) / 1000, 1) });

/** How many of the shown completions were accepted, and still there later; empty if none was shown. */
function countsOf({ shown, accepted, kept, dropped }: Acceptance): string {
  if (!shown) return '';
  const counts = { accepted, shown, share: ` (${percent(accepted / shown)})` };
  const later = kept + dropped;
  return later
    ? t('{accepted} of {shown} completions accepted{share}; {kept} of {later} still there later.', {
        ...counts,
        kept,
        later,
      })
    : t('{accepted} of {shown} completions accepted{share}.', counts);
}

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'forgetMeNot.status',
    vscode.StatusBarAlignment.Right,
    90,
  );

  constructor(private readonly services: ServicesWithCompletion) {
    this.item.name = 'Forget-Me-Not';
  }

  refresh(): void {
    const shown = this.describe();
    if (!shown) return this.item.hide();
    const { text, paragraphs, command = 'forgetMeNot.menu' } = shown;
    this.item.command = command;
    this.item.text = plainLabel(text);
    this.item.tooltip = tooltip(paragraphs);
    this.item.accessibilityInformation = {
      label: text.replace(/\$\([^)]*\)( Forget-Me-Not:)?/g, 'Forget-Me-Not:'),
      role: 'button',
    };
    this.item.show();
  }

  private describe(): { text: string; paragraphs: string[]; command?: string } | undefined {
    const { runs, completion, store } = this.services;
    const live = runs.live.find((run) => this.services.isHere(run));
    if (live)
      return {
        text: `$(sync~spin) ${shortProgress(live)}`,
        paragraphs: [t('Fine-tuning {name}', { name: live.spec.name }), progressLine(live)],
      };
    const inUse = completion.inUse;
    if (!inUse) {
      if (store.setupStarted) return setupState();
      const why = completion.isOn ? completion.whyGone : undefined;
      return why && goneState(why);
    }
    const { name } = inUse;
    if (completion.snooze.until) {
      const time = timeOfDay(completion.snooze.until);
      return {
        text: `$(bell-slash) ${t('snoozed until {time}', { time })}`,
        paragraphs: [t('Completion with {name} is snoozed until {time}.', { name, time })],
      };
    }
    const { isTrusted } = vscode.workspace;
    const document = vscode.window.activeTextEditor?.document;
    if (!isTrusted || !(settings.completionEnabled() || (document && settings.completionEnabled(document))))
      return {
        text: `$(circle-slash) ${t('completion off')}`,
        paragraphs: [t('Completion with {name} is turned off.', { name })],
      };
    if (document && !settings.completionEnabled(document)) {
      const language = languageName(document.languageId);
      return {
        text: `$(circle-slash) ${t('off for {language}', { language })}`,
        paragraphs: [t('Completion with {name} is turned off for {language}.', { name, language })],
      };
    }
    const { failure, answers } = completion;
    const summary = inUse.run?.summary;
    const icon = failure ? 'warning' : inUse.remote ? 'cloud' : 'sparkle';
    return {
      text: `$(${completion.busy ? 'loading~spin' : icon}) ${name}`,
      paragraphs: [
        t('Completion with {name}', { name }),
        summary ? sentenceIn(summary) : '',
        failure ?? whyNothing(answers.dropped),
        failure === undefined ? speed(answers.latencyMs) : '',
        countsOf(store.acceptance(inUse.id)),
        document ? this.whyFewer(document) : '',
        this.describeDevice(inUse),
      ],
    };
  }

  /** That fewer suggestions appear than for others; "" if they do not. */
  private whyFewer(document: vscode.TextDocument): string {
    if (this.services.completion.trustIn(document) > FEW_TAKEN) return '';
    const language = languageName(document.languageId);
    return t('You take few suggestions in {language}, so only surer ones appear there.', { language });
  }

  /** Names the GPU or the remote server; "" for the processor. */
  private describeDevice({ remote }: CompletionModel): string {
    const { device, remoteServer: elsewhere } = this.services.completion;
    if (remote) {
      const { api, plainText } = remote.endpoint;
      if (!elsewhere.isAllowed(remote.endpoint))
        return t('Nothing is sent to {address} before you allow it.', { address: api });
      return plainText
        ? t('The code around the cursor is sent to {address}, in plain text.', { address: api })
        : t('The code around the cursor is sent to {address}.', { address: api });
    }
    const onGpu = device && device.backend !== 'cpu';
    return onGpu ? t('Computes on {gpu}.', { gpu: device.devices.join(', ') }) : '';
  }

  dispose(): void {
    this.item.dispose();
  }
}
