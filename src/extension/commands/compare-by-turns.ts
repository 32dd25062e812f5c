/** "Compare While I Work": begins a comparison by turns, says how it stands, and ends it. */
import { comparisonSize, totalOf, TURN_MS, type Comparison } from '../../findings/by-turns.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { UserError } from '../../text/errors.ts';
import { fullDate, joined, percent, t, whole } from '../../text/l10n.ts';
import { turnsFile } from '../completion/turns.ts';
import type { Context } from '../context.ts';
import { setStatusBarMessage, showInformationMessage } from '../editor-ui.ts';

/** Errors: bad-request if nothing can be compared, and of a server that can't load the models. */
export async function compareByTurns({ completion, store, log }: Context): Promise<void> {
  const { inUse, turns } = completion;
  const { run } = inUse ?? {};
  if (!run) throw nothingToCompare(inUse?.remote !== undefined);
  if (run.spec.hyper.method !== 'lora') throw wholeModel(run);
  await turns.follow(run);
  await turns.refresh();
  const untrained = await completion.untrained(run.spec.base);
  const names = { name: run.spec.name, other: untrained.name };
  const { going } = turns;
  if (going)
    return log.notify('info', standing(going, names), {
      title: t('End Comparison'),
      run: async () => {
        await turns.end();
        setStatusBarMessage(t('The comparison has ended; {name} completes your code.', names), 5000);
      },
    });
  const size = comparisonSize(store.acceptance(run.spec.id));
  if (!(await askWhetherToBegin(run, size, names))) return;
  // In one server, so that the first key of a turn does not wait for it.
  await completion.load(untrained);
  await turns.begin(size.suggestions);
  setStatusBarMessage(t('{name} and {other} answer by turns from now on.', names), 5000);
}

const nothingToCompare = (isRemote: boolean) =>
  new UserError(
    'bad-request',
    isRemote
      ? t('Another machine completes your code, so no result of this one can be compared.')
      : t('No result of a training completes your code, so there is nothing to compare.'),
    t('Choose a result of this machine first.'),
  );

const wholeModel = ({ spec }: RunSnapshot) =>
  new UserError(
    'bad-request',
    t(
      "{name} is a whole model, which needs a server of its own, so it can't answer by turns with its base.",
      { name: spec.name },
    ),
    t('Compare the result of a training with LoRA.'),
  );

interface Names {
  name: string;
  other: string;
}

async function askWhetherToBegin(
  { spec }: RunSnapshot,
  { suggestions, hours, share, isCounted }: ReturnType<typeof comparisonSize>,
  { name, other }: Names,
): Promise<boolean> {
  const values = { name, other, suggestions: whole(suggestions), hours: whole(hours), share: percent(share) };
  const begin = t('Compare');
  const detail = [
    t(
      'Both answer by turns of {minutes} minutes, drawn by chance, in all windows in which {name} completes your code. Nothing shows which.',
      { name, minutes: TURN_MS / 60_000 },
    ),
    t(
      'Counted on this machine: suggestions shown, accepted and still there five minutes later, and characters typed. No text. The counts are in {file} only.',
      { file: turnsFile(spec.id) },
    ),
    isCounted
      ? t(
          'To see a difference of a fifth in what you keep takes {suggestions} suggestions, about {hours} hours of writing code: of those shown to you so far you kept {share}.',
          values,
        )
      : t(
          'To see a difference of a fifth in what you keep takes {suggestions} suggestions, about {hours} hours of writing code, if you keep {share} of those shown.',
          values,
        ),
    t(
      'At the end you are told once which one you keep more of. If {name} can hardly bring a tenth, {other} completes your code instead; one click undoes that. The same command shows how it stands, and ends it at any time.',
      values,
    ),
  ];
  const answer = await showInformationMessage(
    t('Compare {name} with {other} while you work?', values),
    { modal: true, detail: detail.join('\n\n') },
    begin,
  );
  return answer === begin;
}

/** Of both sides together: who sees before the end which keeps more sees differences that are none. */
function standing({ at, counts, suggestions }: Comparison, names: Names): string {
  const { shown, accepted, kept, dropped } = totalOf(counts);
  const values = {
    shown: whole(shown),
    suggestions: whole(suggestions),
    accepted: whole(accepted),
    kept: whole(kept),
    later: whole(kept + dropped),
  };
  return joined([
    t('{name} and {other} have answered by turns since {date}.', { ...names, date: fullDate(new Date(at)) }),
    t(
      'Of both together, {shown} of {suggestions} suggestions were shown and {accepted} accepted; {kept} of {later} were still there five minutes later.',
      values,
    ),
    t('Which keeps more is said at the end only: a look before would show differences that are chance.'),
  ]);
}
