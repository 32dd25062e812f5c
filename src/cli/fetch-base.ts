import { AUTO_BASE } from '../base-models/choose.ts';
import { resolveBase, type ResolvedBase } from '../base-models/resolve.ts';
import { autoBase } from './auto-base.ts';
import { confirm } from './confirm.ts';
import { formatBytes } from './format.ts';
import { progressView } from './progress.ts';

/**
 * Finds the base, fetching it with progress on stderr when it is not here yet. Ctrl+C stops; a download goes on next time.
 * "auto" is chosen by the hardware and the backend, and said in one line.
 */
export async function fetchBase(
  reference: string,
  { yes = false, json = false, backend }: { yes?: boolean; json?: boolean; backend?: string },
): Promise<ResolvedBase> {
  if (reference === AUTO_BASE) {
    const { id, why } = await autoBase(backend);
    if (!json) console.log(`Base: ${id}, because ${why}`);
    reference = id;
  }
  const view = progressView({ json });
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  try {
    return await resolveBase(reference, {
      signal: stop.signal,
      onProgress: (progress) => view.show(progress),
      confirm: ({ what, bytes, licence }) =>
        confirm(`${what}: downloads ${formatBytes(bytes)}${licence ? `, licence ${licence}` : ''}.`, {
          yes,
          json,
        }),
    });
  } finally {
    process.off('SIGINT', onInterrupt);
    view.end();
  }
}
