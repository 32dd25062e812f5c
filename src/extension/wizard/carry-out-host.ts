/** The editor's side of carrying out a wizard's answers: downloads with consent, and repairs as buttons. */
import * as vscode from 'vscode';
import { reportError } from '../../text/errors.ts';
import type { Answers, CarryOutHost } from './carry-out.ts';
import type { Context } from '../context.ts';
import { setClusterToken } from '../cluster/cluster-commands.ts';
import { runDoctor } from '../doctor.ts';
import { missingParts, withSizes, type Download } from './downloads.ts';
import { askConsent, install } from './consent.ts';
import { t, withButtons } from '../../text/l10n.ts';
import { actionFor } from '../log.ts';
import { listBases } from './list-bases.ts';
import { settings } from '../settings.ts';
import { askBaseFor } from './wizard.ts';
import { showErrorMessage, showInformationMessage } from '../editor-ui.ts';
import { textOf } from '../../text/message.ts';

type SharedMember =
  | 'missing'
  | 'consent'
  | 'fetch'
  | 'repair'
  | 'openTerminal'
  | 'takeStep'
  | 'setToken'
  | 'askBase';

/** What this machine needs for a base and a backend, with all sizes. */
export const missingHere = async (context: Context, base: string, backend: string): Promise<Download[]> =>
  withSizes(context, await missingParts(base, await runDoctor(context), backend));

/** What all wizards share, whatever they start. */
export const wizardHost = (context: Context): Pick<CarryOutHost<Answers>, SharedMember> => ({
  missing: ({ base, backend }) => missingHere(context, base, backend ?? settings.backend()),
  consent: (parts) => askConsent(parts),
  fetch: (part) => install(context, [part]),
  async repair({ code, ...texts }, repairs) {
    const { text } = withButtons(textOf(texts, 'message'), textOf(texts, 'next'));
    context.log.warn(`${text} [${code}]`);
    const what = code === 'cancelled' ? t('It was stopped.') : text;
    const show = code === 'cancelled' ? showInformationMessage : showErrorMessage;
    const titles = repairs.map(({ title }) => title);
    const chosen = await show(`${what} ${t('Your answers are kept.')}`, ...titles);
    return repairs.find(({ title }) => title === chosen);
  },
  openTerminal(command) {
    const terminal = vscode.window.createTerminal('Forget-Me-Not');
    terminal.show();
    // Typed but not run: it may ask for a password, and it is the user's machine.
    terminal.sendText(command, false);
  },
  takeStep: (step) => void actionFor(step).run(),
  setToken: () => setClusterToken(context),
  askBase: () =>
    askBaseFor(
      t('Choose Another Model'),
      () => listBases(context),
      t('Which model do you want to use instead?'),
    ),
});

/**
 * Asks the questions of a wizard. If a look-up for them fails, the user can try again with the answers kept. Undefined
 * when the user cancels.
 */
export async function askWithRetry<Draft, Answered>(
  context: Context,
  saved: Draft,
  keep: (draft: Draft) => unknown,
  questions: (draft: Draft, onAnswer: (now: Draft) => void) => Promise<Answered | undefined>,
): Promise<Answered | undefined> {
  let draft = saved;
  const onAnswer = (now: Draft) => {
    draft = now;
    void keep(now);
  };
  for (;;) {
    try {
      return await questions(draft, onAnswer);
    } catch (error) {
      const again = { kind: 'again', title: t('Try Again') } as const;
      if (!(await wizardHost(context).repair(reportError(error), [again]))) return undefined;
    }
  }
}
