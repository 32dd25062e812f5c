/** A chain of quick picks with a Back button. */
import * as vscode from 'vscode';
import { t } from '../../text/l10n.ts';
import { plainRow } from '../plain.ts';
import { showQuickPick } from '../editor-ui.ts';

/** The user pressed Back. */
export const back = Symbol('back');
export type Answer<T> = T | typeof back | undefined;

export interface Choice<T> extends vscode.QuickPickItem {
  value: T;
}

export interface Question<T> {
  title: string;
  /** 1-based. */
  step: number;
  steps: number;
  placeholder: string;
  /** While a promise is pending, a busy bar is shown. */
  choices: Choice<T>[] | Promise<Choice<T>[]>;
  /** Rows shown until then; a row without a value can't be chosen. */
  meanwhile?: Choice<T | undefined>[];
  /** The choice selected by Enter. */
  preferred?: T;
}

/** Asks one question; undefined when the user cancels. */
export const choose = <T>({ preferred, ...question }: Question<T>): Promise<Answer<T>> =>
  show<T, T>(question, {
    many: false,
    prepare(pick) {
      const active = pick.items.find((choice) => choice.value === preferred);
      if (active) pick.activeItems = [active];
    },
    answerOf: ({ selectedItems }) => selectedItems[0]?.value,
  });

/**
 * Asks for one or more of the choices and returns them in their order; undefined when the user cancels. Initially,
 * those with a `preferred` value are selected, or all if there are none.
 */
export const chooseMany = <T>({
  preferred = [],
  ...question
}: Omit<Question<T>, 'preferred' | 'meanwhile'> & { preferred?: readonly T[] }): Promise<Answer<T[]>> =>
  show<T, T[]>(question, {
    many: true,
    prepare(pick) {
      const preselected = pick.items.filter(({ value }) => preferred.includes(value));
      pick.selectedItems = preselected.length > 0 ? preselected : pick.items;
    },
    answerOf({ items, selectedItems }) {
      const chosen = items.filter((item) => selectedItems.includes(item));
      return chosen.length > 0 ? chosen.map(({ value }) => value) : undefined;
    },
  });

interface PickBehaviour<T, A> {
  /** Whether several can be chosen. The editor has to know before it gets the choices. */
  many: boolean;
  /** Called once when the choices are there. */
  prepare(pick: vscode.QuickPick<Choice<T>>): void;
  /** The answer for the current selection; undefined if there is none. */
  answerOf(pick: vscode.QuickPick<Choice<T>>): A | undefined;
}

function show<T, A>(
  { title, step, steps, placeholder, choices, meanwhile = [] }: Omit<Question<T>, 'preferred'>,
  { many, prepare, answerOf }: PickBehaviour<T, A>,
): Promise<Answer<A>> {
  const pick = vscode.window.createQuickPick<Choice<T>>();
  Object.assign(pick, {
    title,
    step,
    totalSteps: steps,
    placeholder,
    canSelectMany: many,
    matchOnDetail: true,
    ignoreFocusOut: true,
    busy: true,
    items: meanwhile.map(plainRow),
  });
  const firstRow = pick.items[0];
  if (step > 1) pick.buttons = [vscode.QuickInputButtons.Back];
  return new Promise((resolve, reject) => {
    const answer = (value: Answer<A>) => {
      resolve(value);
      pick.dispose();
    };
    Promise.resolve(choices).then(
      (items) => {
        const activeRow = pick.activeItems[0];
        Object.assign(pick, { items: items.map(plainRow), busy: false });
        prepare(pick);
        // The user may have moved to a row meanwhile.
        const same = pick.items.find(({ value }) => value === activeRow?.value);
        if (same && activeRow !== firstRow) pick.activeItems = [same];
      },
      (error: unknown) => {
        reject(error as Error);
        pick.dispose();
      },
    );
    pick.onDidTriggerButton(() => answer(back));
    pick.onDidAccept(() => {
      const value = answerOf(pick);
      if (value !== undefined) answer(value);
    });
    pick.onDidHide(() => answer(undefined));
    pick.show();
  });
}

/** The draft with the answer added. */
export const withAnswer = async <D extends object, K extends keyof D>(
  plan: D,
  key: K,
  answer: Promise<Answer<D[K]>>,
): Promise<Answer<D>> => {
  const value: Answer<D[K]> = await answer;
  if (value === back) return back;
  return value === undefined ? undefined : { ...plan, [key]: value };
};

/** A step asks for its part of the plan. If it has nothing to ask, it returns the same plan object. */
export type Step<P> = (plan: P, position: { step: number; steps: number }) => Promise<Answer<P>>;

/** Walks the steps; Back returns to the last step that asked something. Undefined when the user cancels. */
export async function askSteps<P>(
  first: P,
  steps: Step<P>[],
  onAnswer?: (plan: P) => void,
): Promise<P | undefined> {
  const plans = [first];
  while (plans.length <= steps.length) {
    const index = plans.length - 1;
    const answer = await steps[index]!(plans[index]!, { step: index + 1, steps: steps.length });
    if (answer === undefined) return undefined;
    if (answer === back) while (plans.pop() === plans.at(-1) && plans.length > 0);
    else {
      plans.push(answer);
      onAnswer?.(answer);
    }
    if (plans.length === 0) return undefined;
  }
  return plans.at(-1);
}

/** Asks whether to reuse the answers of a wizard that did not start its work; undefined when the user cancels. */
export async function askToReuse(what: string): Promise<boolean | undefined> {
  const reuse = t('Continue with {what}', { what });
  const placeHolder = t('What you chose last time has not been started yet.');
  const chosen = await showQuickPick([{ label: reuse }, { label: t('Choose again') }], { placeHolder });
  return chosen && chosen.label === reuse;
}
