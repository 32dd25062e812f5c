/** The walkthrough: each step is ticked once it is done. */
import { expect, it, vi } from 'vitest';
import type { ServicesWithCompletion } from '../../../src/extension/completion/completion-service.ts';
import { completedSteps } from '../../../src/extension/get-started.ts';
import { manifestIn, textsIn, translations } from '../../support/manifest.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

interface Manifest {
  contributes: {
    commands: { command: string; title: string }[];
    walkthroughs: {
      title: string;
      description: string;
      steps: { title: string; description: string; completionEvents: string[] }[];
    }[];
  };
}
type Given = Parameters<typeof completedSteps>[0];
const given = (inUse: object | undefined, runs: number): Given => ({
  completion: { inUse } as ServicesWithCompletion['completion'],
  runs: { all: new Array(runs).fill({}) } as unknown as ServicesWithCompletion['runs'],
});

it('ticks a step when a model completes, when there is a run, and when its result completes', () => {
  expect(completedSteps(given(undefined, 0))).toEqual({
    completes: false,
    hasRuns: false,
    completesWithResult: false,
  });
  expect(completedSteps(given({ run: undefined }, 0))).toMatchObject({
    completes: true,
    completesWithResult: false,
  });
  expect(completedSteps(given({ run: {} }, 1))).toEqual({
    completes: true,
    hasRuns: true,
    completesWithResult: true,
  });
});

it('sets what package.json waits for', () => {
  const [walkthrough] = manifestIn<Manifest>('en').contributes.walkthroughs;
  const events = walkthrough!.steps.flatMap((step) => step.completionEvents);
  expect(events).toEqual([
    'onContext:forgetMeNot.completes',
    'onContext:forgetMeNot.hasRuns',
    'onCommand:forgetMeNot.showResults',
    'onContext:forgetMeNot.completesWithResult',
  ]);
  const names = events.flatMap((event) => /^onContext:forgetMeNot\.(\w+)$/.exec(event)?.[1] ?? []);
  expect(names).toEqual(Object.keys(completedSteps(given(undefined, 0))));
});

/** Chinese characters are as wide as two letters. */
const widthOf = (text: string) =>
  [...text].reduce((sum, sign) => sum + (/[\u3000-\uffef]/.test(sign) ? 2 : 1), 0);

it.each(['en', ...translations] as const)(
  'has room for its texts in %s: VS Code cuts longer ones',
  (language) => {
    const [walkthrough] = manifestIn<Manifest>(language).contributes.walkthroughs;
    const buttons = walkthrough!.steps.flatMap(({ description }) =>
      [...description.matchAll(/^\[(.+)\]\(command:/gm)].map(([, button]) => button!),
    );
    expect(buttons).toHaveLength(4);
    // An 800-pixel window with the explorer and the chat leaves 150 for the page.
    for (const text of [...buttons, ...walkthrough!.steps.map(({ title }) => title)])
      expect([text, widthOf(text) <= 13]).toEqual([text, true]);
    expect(widthOf(walkthrough!.description)).toBeLessThanOrEqual(36);
    expect(Object.keys(textsIn(language)).filter((key) => key.startsWith('walkthrough.'))).toHaveLength(14);
  },
);
