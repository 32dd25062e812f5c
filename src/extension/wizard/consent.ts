/** Asks for consent to downloads, naming what is downloaded and its size. Nothing is downloaded without it. */
import { z } from 'zod';
import { withChildProgress } from '../child-progress.ts';
import type { Context } from '../context.ts';
import type { Download } from './downloads.ts';
import { t } from '../../text/l10n.ts';
import { size } from '../texts.ts';
import { showInformationMessage } from '../editor-ui.ts';

/** `cluster`: for fine-tuning on a cluster. */
type Purpose = 'fine-tuning' | 'cluster' | 'completion' | 'gpu';

/** The parts that the user agreed to download; undefined when the user cancels. `purpose`: what needs them. */
export async function askConsent(
  missing: Download[],
  purpose: Purpose = 'fine-tuning',
): Promise<Download[] | undefined> {
  if (missing.length === 0) return [];
  const list = missing
    .map(({ name, bytes, from }) =>
      t('{name}: {size}, from the internet ({place})', { name, size: size(bytes), place: from }),
    )
    .join('\n');
  const total = missing.reduce((sum, part) => sum + part.bytes, 0);
  const download = t('Download');
  const without = t('Without TensorFlow');
  const needed = missing.filter((part) => part.needed);
  const optional = missing.length > needed.length;
  const stays = purpose === 'cluster' ? [] : [t('Your code stays on this machine.')];
  const slower = optional ? [t('Without TensorFlow the same training takes about six times as long.')] : [];
  const answer = await showInformationMessage(
    needText(purpose, total),
    {
      modal: true,
      detail: [list, [...slower, ...stays].join(' ')].filter(Boolean).join('\n\n'),
    },
    download,
    ...(optional ? [without] : []),
  );
  if (answer === download) return missing;
  return answer === without ? needed : undefined;
}

function needText(purpose: Purpose, bytes: number): string {
  if (purpose === 'gpu')
    return t('Completion on the GPU needs a download of about {size}.', { size: size(bytes) });
  if (purpose === 'completion')
    return t('Completion needs a download of about {size}, once.', { size: size(bytes) });
  return t('Fine-tuning needs a download of about {size}, once.', { size: size(bytes) });
}

/** Downloads the parts, one after the other. Throws the command's error, or UserError `cancelled`. */
export async function install({ children }: Pick<Context, 'children'>, parts: Download[]): Promise<void> {
  for (const { name, command } of parts.filter(({ command }) => command.length > 0))
    await withChildProgress(t('Downloading {name}', { name }), (options) =>
      children.ask(z.unknown(), command, options),
    );
}
