/**
 * Carries out the answers of a wizard: downloads, then the work. If something fails, the answers are kept, the user
 * picks a repair, and it continues from there. Pure: the editor is behind `CarryOutHost`.
 */
import { reportError, type ErrorReport } from '../../text/errors.ts';
import { forButtons, type NextStep } from '../../text/next-step.ts';
import { t, titleIn } from '../../text/l10n.ts';
import type { Download } from './downloads.ts';

export interface Answers {
  base: string;
  /** Chosen as a repair: without TensorFlow. */
  backend?: 'wasm' | undefined;
}

export type Repair = { title: string } & (
  | { kind: 'again' }
  /** A command that installs the missing part; the user confirms it in a terminal. */
  | { kind: 'terminal'; command: string }
  | { kind: 'without' }
  /** The token of the cluster that trains. */
  | { kind: 'token' }
  | { kind: 'base' }
  | { kind: 'answers' }
  /** A step that the error's own text names. */
  | { kind: 'step'; step: NextStep }
);

export interface CarryOutHost<A extends Answers> {
  /** What has to be downloaded on this machine. */
  missing(answers: A): Promise<Download[]>;
  /** The parts that the user agreed to download; undefined when the user cancels. */
  consent(parts: Download[]): Promise<Download[] | undefined>;
  fetch(part: Download): Promise<void>;
  start(answers: A): Promise<void>;
  /** Stores the answers, so that they survive a reload; undefined when the work is done. */
  keep(answers: A | undefined): Promise<void>;
  /** The repair that the user picks; undefined: none for now. */
  repair(trouble: ErrorReport, repairs: Repair[]): Promise<Repair | undefined>;
  openTerminal(command: string): void;
  takeStep(step: NextStep): void;
  setToken(): Promise<unknown>;
  /** Another base; undefined: keep the current one. */
  askBase(answers: A): Promise<string | undefined>;
  /** Asks the questions again, with these answers preselected; undefined when the user cancels. */
  askAgain(answers: A): Promise<A | undefined>;
}

/** True when the work was started. If not, the answers are kept, so that it can be tried again later. */
export async function carryOut<A extends Answers>(first: A, host: CarryOutHost<A>): Promise<boolean> {
  let answers = first;
  for (;;) {
    await host.keep(answers);
    let part: Download | undefined;
    try {
      const wanted = await host.consent(await host.missing(answers));
      if (!wanted) return false;
      for (part of wanted) await host.fetch(part);
      part = undefined;
      await host.start(answers);
      await host.keep(undefined);
      return true;
    } catch (error) {
      const mended = await mend(reportError(error), part, answers, host);
      if (!mended) return false;
      answers = mended;
    }
  }
}

/** The answers to continue with; undefined: not now. */
async function mend<A extends Answers>(
  trouble: ErrorReport,
  part: Download | undefined,
  answers: A,
  host: CarryOutHost<A>,
): Promise<A | undefined> {
  for (;;) {
    const repair = await host.repair(trouble, repairsFor(trouble, part));
    switch (repair?.kind) {
      case undefined:
        return undefined;
      case 'again':
        return answers;
      case 'token':
        await host.setToken();
        return answers;
      case 'without':
        return { ...answers, backend: 'wasm' };
      case 'base':
        return { ...answers, base: (await host.askBase(answers)) ?? answers.base };
      case 'answers':
        return host.askAgain(answers);
      case 'terminal':
        // Now the user has to act in the terminal, so the question with "Try Again" is shown again.
        host.openTerminal(repair.command);
        break;
      case 'step':
        host.takeStep(repair.step);
    }
  }
}

/** Steps that start something else, or that the other repairs cover. */
const noRepair: readonly NextStep['id'][] = ['train', 'sweep', 'models', 'fetch', 'install-runtime'];

/** @param part what was being downloaded; undefined if the work itself did not start */
export function repairsFor({ code, next }: ErrorReport, part: Download | undefined): Repair[] {
  const repairs: Repair[] = [{ kind: 'again', title: t('Try Again') }];
  const command = /`([^`]+)`/.exec(next)?.[1];
  if (command && code === 'compiler-missing')
    repairs.unshift({ kind: 'terminal', title: t('Run "{command}"', { command }), command });
  if (code === 'cluster-token') repairs.unshift({ kind: 'token', title: t('Set the Token of the Cluster') });
  if (part?.needed === false) repairs.push({ kind: 'without', title: t('Continue Without TensorFlow') });
  if (part?.needed || code.startsWith('base-') || code === 'hub-not-found' || code === 'adapter-mismatch')
    repairs.push({ kind: 'base', title: t('Choose Another Model') });
  if (!part) repairs.push({ kind: 'answers', title: t('Change Answers') });
  for (const step of forButtons(next).steps)
    if (!noRepair.includes(step.id)) repairs.push({ kind: 'step', title: titleIn(step), step });
  return repairs;
}
