/** A chain of quick picks with a way back. */
import * as vscode from 'vscode';

/** The person pressed Back. */
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
  /** Those that take a while show a busy bar until they are there. */
  choices: Choice<T>[] | Promise<Choice<T>[]>;
  /** Which one Enter takes. */
  preferred?: T;
}

/** One question; undefined when the person leaves. */
export function choose<T>({
  title,
  step,
  steps,
  placeholder,
  choices,
  preferred,
}: Question<T>): Promise<Answer<T>> {
  const pick = vscode.window.createQuickPick<Choice<T>>();
  Object.assign(pick, {
    title,
    step,
    totalSteps: steps,
    placeholder,
    matchOnDetail: true,
    ignoreFocusOut: true,
    busy: true,
  });
  if (step > 1) pick.buttons = [vscode.QuickInputButtons.Back];
  return new Promise((resolve, reject) => {
    const answer = (value: Answer<T>) => {
      resolve(value);
      pick.dispose();
    };
    Promise.resolve(choices).then(
      (items) => {
        Object.assign(pick, { items, busy: false });
        const active = items.find((choice) => choice.value === preferred);
        if (active) pick.activeItems = [active];
      },
      (error: unknown) => {
        reject(error as Error);
        pick.dispose();
      },
    );
    pick.onDidTriggerButton(() => answer(back));
    pick.onDidAccept(() => pick.selectedItems[0] && answer(pick.selectedItems[0].value));
    pick.onDidHide(() => answer(undefined));
    pick.show();
  });
}

/** A draft with an answer in it. */
export const into = async <D extends object, K extends keyof D>(
  plan: D,
  key: K,
  answer: Promise<Answer<D[K]>>,
): Promise<Answer<D>> => {
  const value: Answer<D[K]> = await answer;
  if (value === back) return back;
  return value === undefined ? undefined : { ...plan, [key]: value };
};

/** A step asks for its part of the plan; one that has nothing to ask gives the plan back as it is. */
export type Step<P> = (plan: P, position: { step: number; steps: number }) => Promise<Answer<P>>;

/** Walks the steps; Back goes to the one that asked before. Undefined when the person leaves. */
export async function walk<P>(
  first: P,
  steps: Step<P>[],
  answered?: (plan: P) => void,
): Promise<P | undefined> {
  const plans = [first];
  while (plans.length <= steps.length) {
    const index = plans.length - 1;
    const answer = await steps[index]!(plans[index]!, { step: index + 1, steps: steps.length });
    if (answer === undefined) return undefined;
    if (answer === back) while (plans.pop() === plans.at(-1) && plans.length > 0);
    else {
      plans.push(answer);
      answered?.(answer);
    }
    if (plans.length === 0) return undefined;
  }
  return plans.at(-1);
}

/** Whether to take up what did not begin last time; undefined when the person leaves. */
export async function askToGoOn(what: string): Promise<boolean | undefined> {
  const goOn = `Go on with ${what}`;
  const placeHolder = 'What you chose last time has not begun yet.';
  const chosen = await vscode.window.showQuickPick([goOn, 'Choose again'], { placeHolder });
  return chosen === undefined ? undefined : chosen === goOn;
}
