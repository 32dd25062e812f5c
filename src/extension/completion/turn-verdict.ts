/** What a comparison by turns has found: a message, and a result that does not help is put away. */
import { verdictText } from '../../findings/by-turns.ts';
import type { EndedLine } from '../../protocol/by-turns.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { t } from '../../text/l10n.ts';
import { commandAction } from '../log.ts';
import type { Services } from '../services.ts';
import type { LocalModel } from './completion-model.ts';

interface Completion {
  untrained(base: LocalModel['base']): Promise<LocalModel>;
  choose(model: LocalModel): Promise<void>;
}

/** Called once in each workspace that took part. */
export async function announceVerdict(
  completion: Completion,
  { store, log }: Pick<Services, 'store' | 'log'>,
  { spec: { id, name, base } }: RunSnapshot,
  ended: EndedLine,
): Promise<void> {
  const untrained = await completion.untrained(base);
  const isPutAway = ended.verdict === 'useless' && store.inUse === id;
  if (isPutAway) await completion.choose(untrained);
  const again = commandAction(t('Use {name} Again', { name }), 'useForCompletion', id);
  const show = commandAction(t('Show Results'), 'showResults', id);
  const message = verdictText(ended, name, untrained.name);
  void log.notify('info', message, ...(isPutAway ? [again] : []), show);
}
