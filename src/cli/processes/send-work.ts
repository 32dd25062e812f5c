/** Sends work to a cluster, after telling the user what leaves the machine. */
import type { Work } from '../../cluster/job.ts';
import { prepare, send, type PreparedJob } from '../../cluster/submit.ts';
import type { RayClient } from '../../cluster/ray/client.ts';
import { askParent, canAskParent } from '../../platform/processes/ask-parent.ts';
import { UserError } from '../../text/errors.ts';
import { confirm } from '../confirm.ts';
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
}

/** Errors: cancelled if the user declines, and those of `prepare` and `send`. */
export async function sendWork(client: RayClient, work: Work, options: SendOptions): Promise<void> {
  const { host } = client.cluster.address;
  const reason = new UserError('cancelled', 'Nothing was started on the cluster.', '');
  await withProgress({ json: options.json, reason }, async (show, signal) => {
    const prepared = await prepare(client, work, version, signal);
    await consent(prepared, options, signal);
    const onUpload = (done: number, total: number) =>
      show({ phase: 'uploading', what: `to ${host}`, done, total });
    await send(prepared, { ...options, signal, onUpload });
  });
}

/** Does not ask if everything is already there, as after a lost job. */
async function consent(
  { client, work, uploadBytes: sends }: PreparedJob,
  options: SendOptions,
  signal: AbortSignal,
): Promise<void> {
  const { address } = client.cluster;
  const { yes = false, json = false, laterContents } = options;
  if (sends.program + sends.work === 0) return;
  const refused = new UserError('cancelled', 'Nothing was sent.', 'Leave --on out to work on this machine.');
  // A folder's settings may add --yes to the options, so an editor always asks.
  if (canAskParent()) {
    const { host, plainText } = address;
    const { storage } = work;
    if (await askParent({ ask: 'send', host, plainText, storage, ...sends }, signal)) return;
    throw refused;
  }
  if (address.plainText && !yes && !process.stdin.isTTY)
    throw new UserError(
      'cluster-address',
      `What is sent to ${address.host} goes over the network without encryption, readable by anybody on the way.`,
      'Use https or a tunnel, or agree with --yes.',
    );
  const encryptionNote = address.plainText ? ' It is NOT encrypted on the way.' : '';
  const text = `To the cluster at ${address.host} go ${describeContents(work, sends)}.${laterContents ? ` ${laterContents}.` : ''}${encryptionNote}`;
  if (await confirm(text, { yes, json })) return;
  throw refused;
}

function describeContents({ kind }: Work, { program, work }: PreparedJob['uploadBytes']): string {
  const own = program > 0 ? `${formatBytes(program)} of this program, once for each version; and ` : '';
  const run = kind === 'evaluate' ? 'the run with its result' : 'settings';
  return `${own}${megabytes(work)}: ${run}, the corpus as tokens, which can be turned back into its text, and the names of its files. No other files of your folder are sent`;
}

const megabytes = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : formatBytes(bytes));
