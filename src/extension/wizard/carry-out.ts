/**
 * What was answered in a wizard is carried out: downloads, then the work. Where something is missing, what was answered
 * stays, the person picks a repair, and it goes on from there. Pure: the editor is behind `CarryOutHost`.
 */
import { reportError, type ErrorReport } from '../../protocol/errors.ts';
import { forButtons, titleOf, type NextStep } from '../../protocol/next-step.ts';
import type { Download } from './downloads.ts';

export interface Answers {
  base: string;
  /** Chosen as a repair: without TensorFlow. */
  backend?: 'wasm' | undefined;
}

export type Repair = { title: string } & (
  | { kind: 'again' }
  /** What installs the missing part, for the person to confirm in a terminal. */
  | { kind: 'terminal'; command: string }
  | { kind: 'without' }
  | { kind: 'base' }
  | { kind: 'answers' }
  /** What the trouble's own text names. */
  | { kind: 'step'; step: NextStep }
);

export interface CarryOutHost<A extends Answers> {
  /** What has to be fetched, as the machine is now. */
  missing(answers: A): Promise<Download[]>;
  /** Those that may be fetched; undefined when the person leaves. */
  consent(parts: Download[]): Promise<Download[] | undefined>;
  fetch(part: Download): Promise<void>;
  start(answers: A): Promise<void>;
  /** Remembers what was answered, over a reload too; undefined when it is done. */
  keep(answers: A | undefined): Promise<void>;
  /** What the person wants done about it; undefined: nothing for now. */
  repair(trouble: ErrorReport, repairs: Repair[]): Promise<Repair | undefined>;
  openTerminal(command: string): void;
  takeStep(step: NextStep): void;
  /** Another base; undefined: the one there is. */
  askBase(answers: A): Promise<string | undefined>;
  /** The questions again, with these answers chosen; undefined when the person leaves. */
  askAgain(answers: A): Promise<A | undefined>;
}

/** True when it was started. What is left undone can be taken up again: the answers are kept. */
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

/** The answers to go on with; undefined: not now. */
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
      case 'without':
        return { ...answers, backend: 'wasm' };
      case 'base':
        return { ...answers, base: (await host.askBase(answers)) ?? answers.base };
      case 'answers':
        return host.askAgain(answers);
      case 'terminal':
        // Then it is the person's turn: "Try Again" stays on offer.
        host.openTerminal(repair.command);
        break;
      case 'step':
        host.takeStep(repair.step);
    }
  }
}

/** Begin something else, or are done by the other repairs. */
const noRepair: readonly NextStep['id'][] = ['train', 'sweep', 'models', 'fetch', 'install-runtime'];

/** @param part what was being fetched; none where the work itself did not begin */
export function repairsFor({ code, next }: ErrorReport, part: Download | undefined): Repair[] {
  const repairs: Repair[] = [{ kind: 'again', title: 'Try Again' }];
  const command = /`([^`]+)`/.exec(next)?.[1];
  if (command && (code === 'compiler-missing' || code === 'python-missing'))
    repairs.unshift({ kind: 'terminal', title: `Run "${command}"`, command });
  if (part?.needed === false) repairs.push({ kind: 'without', title: 'Go On Without TensorFlow' });
  if (part?.needed || code.startsWith('base-') || code === 'hub-not-found' || code === 'adapter-mismatch')
    repairs.push({ kind: 'base', title: 'Choose Another Model' });
  if (!part) repairs.push({ kind: 'answers', title: 'Change Answers' });
  for (const step of forButtons(next).steps)
    if (!noRepair.includes(step.id)) repairs.push({ kind: 'step', title: titleOf(step), step });
  return repairs;
}
