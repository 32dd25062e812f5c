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
  /** Chosen as a repair: train without TensorFlow. */
  backend?: 'wasm' | undefined;
}

export type Repair = { title: string } & (
  | { kind: 'again' }
  /** A command that installs the missing part; the user confirms it in a terminal. */
  | { kind: 'terminal'; command: string }
  | { kind: 'without' }
  /** Ask for the token of the cluster that trains. */
  | { kind: 'token' }
  | { kind: 'base' }
  | { kind: 'answers' }
  /** A step named in the error's text. */
  | { kind: 'step'; step: NextStep }
);

export interface CarryOutHost<A extends Answers> {
  /** The downloads that this machine still needs. */
  missing(answers: A): Promise<Download[]>;
  /** The parts that the user agreed to download; undefined when the user cancels. */
  consent(parts: Download[]): Promise<Download[] | undefined>;
  fetch(part: Download): Promise<void>;
  start(answers: A): Promise<void>;
  /** Stores the answers, so that they survive a reload; undefined deletes them. */
  keep(answers: A | undefined): Promise<void>;
  /** Lets the user pick a repair; undefined: none for now. */
  repair(problem: ErrorReport, repairs: Repair[]): Promise<Repair | undefined>;
  openTerminal(command: string): void;
  takeStep(step: NextStep): void;
  setToken(): Promise<unknown>;
  /** Asks for another base; undefined: keep the current one. */
  askBase(answers: A): Promise<string | undefined>;
  /** Asks the questions again, with these answers preselected; undefined when the user cancels. */
  askAgain(answers: A): Promise<A | undefined>;
}

/** Returns whether the work was started. If not, the answers are kept, so that the user can try again later. */
export async function carryOut<A extends Answers>(first: A, host: CarryOutHost<A>): Promise<boolean> {
  let answers = first;
  for (;;) {
    await host.keep(answers);
    let part: Download | undefined;
    try {
      const agreed = await host.consent(await host.missing(answers));
      if (!agreed) return false;
      for (part of agreed) await host.fetch(part);
      part = undefined;
      await host.start(answers);
      await host.keep(undefined);
      return true;
    } catch (error) {
      const repaired = await askRepair(reportError(error), part, answers, host);
      if (!repaired) return false;
      answers = repaired;
    }
  }
}

/** Lets the user pick a repair. Returns the answers to continue with; undefined: not now. */
async function askRepair<A extends Answers>(
  problem: ErrorReport,
  part: Download | undefined,
  answers: A,
  host: CarryOutHost<A>,
): Promise<A | undefined> {
  for (;;) {
    const repair = await host.repair(problem, repairsFor(problem, part));
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
        // The user has to act in the terminal, so the message with "Try Again" is shown again.
        host.openTerminal(repair.command);
        break;
      case 'step':
        host.takeStep(repair.step);
    }
  }
}

/** Steps that start something else, or that other repairs cover. */
const NOT_REPAIRS: readonly NextStep['id'][] = ['train', 'sweep', 'models', 'fetch', 'install-runtime'];

/** @param part the download that failed; undefined if the work itself did not start */
export function repairsFor({ code, next }: ErrorReport, part: Download | undefined): Repair[] {
  const repairs: Repair[] = [{ kind: 'again', title: t('Try Again') }];
  const command = /`([^`]+)`/.exec(next)?.[1];
  if (command && code === 'compiler-missing')
    repairs.unshift({ kind: 'terminal', title: t('Run "{command}"', { command }), command });
  if (code === 'cluster-token') repairs.unshift({ kind: 'token', title: t('Set Cluster Token') });
  if (part?.needed === false) repairs.push({ kind: 'without', title: t('Continue Without TensorFlow') });
  if (part?.needed || code.startsWith('base-') || code === 'hub-not-found' || code === 'adapter-mismatch')
    repairs.push({ kind: 'base', title: t('Choose Another Model') });
  if (!part) repairs.push({ kind: 'answers', title: t('Change Answers') });
  for (const step of forButtons(next).steps)
    if (!NOT_REPAIRS.includes(step.id)) repairs.push({ kind: 'step', title: titleIn(step), step });
  return repairs;
}
