/** Sends work to a cluster, after telling the user what leaves the machine. */
import type { Work } from '../../cluster/job.ts';
import { prepare, send, type PreparedJob } from '../../cluster/submit.ts';
import type { RayClient } from '../../cluster/ray/client.ts';
import { askParent, canAskParent } from '../../platform/processes/ask-parent.ts';
import { UserError } from '../../text/errors.ts';
import { consent } from '../confirm.ts';
import { formatBytes } from '../view/format.ts';
import { withProgress } from '../view/progress.ts';
import { version } from '../version.ts';

export interface SendOptions {
  yes?: boolean | undefined;
  json?: boolean | undefined;
  eventsBefore?: number;
  args?: readonly string[];
  /** What will be sent later without asking again: a sentence without its full stop. */
  laterContents?: string;
  /** Called before anything is sent. */
  onAgreed?: () => Promise<void>;
  /** Aborting it stops the upload. */
  stopped?: AbortSignal;
}

/**
 * Whether nothing was sent because the user declined, could not be asked, or has to give other options, so that there
 * is nothing to go on with.
 */
export const isRefused = (error: unknown): boolean =>
  error instanceof UserError && ['cancelled', 'bad-argument'].includes(error.code);

/**
 * Errors: cancelled if the user declines, bad-argument if nobody can be asked and `yes` is not set, and those of
 * `prepare` and `send`.
 */
export async function sendWork(client: RayClient, work: Work, options: SendOptions): Promise<void> {
  const { host } = client.cluster.address;
  const reason = new UserError('cancelled', 'Nothing was started on the cluster.', '');
  const stop = new AbortController();
  options.stopped?.addEventListener('abort', () => stop.abort(reason), { once: true });
  await withProgress({ json: options.json, reason }, async (show, interrupted) => {
    const signal = AbortSignal.any([interrupted, stop.signal]);
    const prepared = await prepare(client, work, version, signal);
    await requireConsent(prepared, options, signal);
    await options.onAgreed?.();
    const onUpload = (done: number, total: number) =>
      show({ phase: 'uploading', what: `to ${host}`, done, total });
    await send(prepared, { ...options, signal, onUpload });
  });
}

/** Does not ask if everything is already there, as after a lost job. */
async function requireConsent(
  { client, work, sends }: PreparedJob,
  { yes, json, laterContents }: SendOptions,
  signal: AbortSignal,
): Promise<void> {
  const { host, plainText } = client.cluster.address;
  if (sends.program + sends.work + (sends.base?.copied ?? 0) === 0) return;
  const encryptionNote = plainText ? ' It is NOT encrypted on the way.' : '';
  const text = `To the cluster at ${host} go ${describeContents(work, sends)}.${laterContents ? ` ${laterContents}.` : ''}${encryptionNote}`;
  // A folder's settings may add --yes to the options, so an editor always asks.
  const [what, next] = ['Nothing was sent', 'Leave --on out to work on this machine.'];
  if (!canAskParent()) return consent(text, { yes, json }, what, next);
  const question = { ask: 'send' as const, host, plainText, storage: work.storage, ...sends };
  if (!(await askParent(question, signal))) throw new UserError('cancelled', `${what}.`, next);
}

function describeContents({ kind, storage }: Work, sends: PreparedJob['sends']): string {
  const { program, work, base, adapter } = sends;
  const contents = [
    kind === 'evaluate' ? 'the run with its result' : 'settings',
    'the corpus as tokens, which can be turned back into its text',
    ...(base?.copied === 0 ? [`the base ${base.name}`] : []),
    ...(adapter ? ['the adapter that training begins with'] : []),
  ].join(', ');
  const parts = [
    ...(program > 0 ? [`${formatBytes(program)} of this program, once for each version`] : []),
    ...(base?.copied ? [`${formatBytes(base.copied)}, the base ${base.name}, copied to ${storage}`] : []),
    `${megabytes(work)}: ${contents}, and the names of its files. No other files of your folder are sent`,
  ];
  return parts.join('; and ');
}

const megabytes = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : formatBytes(bytes));
