import { AUTO_BASE } from '../../base-models/choose.ts';
import { presentBases } from '../../base-models/known-base.ts';
import { requireLlama } from '../../llama-cpp/llama.ts';
import { resolveBase, type ResolvedBase } from '../../base-models/resolve.ts';
import type { PlannedDownload, ResolveOptions } from '../../base-models/resolve-options.ts';
import { UserError } from '../../text/errors.ts';
import { forTerminal } from '../../text/next-step.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { autoBase, autoBaseAmong, describeTensorflowGain } from './auto-base.ts';
import { confirm } from '../confirm.ts';
import { formatBytes } from '../view/format.ts';
import { withProgress } from '../view/progress.ts';
import { print } from '../view/output.ts';
import { english } from '../../text/message.ts';

interface FetchOptions {
  yes?: boolean;
  json?: boolean;
  /** The backend that will train. Default: the fastest that is installed. */
  backend?: BackendName | 'auto';
  /** The method for which "auto" is chosen. Default: LoRA. */
  method?: Hyper['method'];
  /** Replaces the question on the terminal. */
  confirm?: ResolveOptions['confirm'];
}

/**
 * Finds the base, and downloads it with progress on stderr if it is missing. Ctrl+C stops; the next call resumes the
 * download. "auto" is chosen by the hardware and the backend, and printed in one line. Errors: those of resolveBase,
 * and backend-unavailable if no base is usable.
 */
export async function fetchBase(reference: string, options: FetchOptions): Promise<ResolvedBase> {
  await requireLlama();
  return await (reference === AUTO_BASE ? fetchAuto(options) : fetchNamed(reference, options));
}

/** What `fetchBase` would download; undefined if the base is here. Errors: those of fetchBase. */
export async function plannedDownload(
  reference: string,
  options: FetchOptions,
): Promise<PlannedDownload | undefined> {
  let planned: PlannedDownload | undefined;
  const confirm = (download: PlannedDownload) => {
    planned = download;
    return Promise.resolve(false);
  };
  await fetchBase(reference, { ...options, confirm }).catch((error: unknown) => {
    if (!planned) throw error;
  });
  return planned;
}

/** Without a network, falls back to a suitable base that is already on the disk. */
async function fetchAuto(options: FetchOptions): Promise<ResolvedBase> {
  const { json = false, backend, method } = options;
  const report = (...lines: string[]) => json || print(lines.map(forTerminal));
  const chosen = await autoBase(backend, method);
  const { id, why } = chosen;
  report(`Base: ${id}, because ${english(why)}.${english(describeTensorflowGain(chosen))}`);
  try {
    return await fetchNamed(id, options);
  } catch (error) {
    if (!(error instanceof UserError) || !withoutNetwork.has(error.code)) throw error;
    const onDisk = await autoBaseAmong(await presentBases(), backend, method);
    if (!onDisk) throw error;
    report(error.message, `Base: ${onDisk.id}, because it is already on this machine.`);
    return await fetchNamed(onDisk.id, options);
  }
}

const withoutNetwork: ReadonlySet<string> = new Set(['network', 'hub-not-found']);

const fetchNamed = (reference: string, { yes, json, confirm: ask }: FetchOptions): Promise<ResolvedBase> =>
  withProgress({ json }, (onProgress, signal) =>
    resolveBase(reference, {
      signal,
      onProgress,
      confirm:
        ask ??
        (({ what, bytes, licence }) =>
          confirm(`${what}: downloads ${formatBytes(bytes)}${licence ? `, licence ${licence}` : ''}.`, {
            yes,
            json,
          })),
    }),
  );
