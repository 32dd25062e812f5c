/** Entry point: `node fold.mjs BASE ADAPTER THREADS`, child process of a completion server: makes a folded copy. */
import { reportError } from '../../text/errors.ts';
import { visible } from '../../text/foreign-text.ts';
import { lowerPriority } from '../../platform/processes/low-priority.ts';
import { foldCopy } from './fold.ts';

lowerPriority();
const [base = '', adapter = '', threads = '1'] = process.argv.slice(2);

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
// The server has exited, or stops this process.
process.once('disconnect', () => stop.abort());

foldCopy({ base, adapter, threads: Number(threads), signal: stop.signal }).then(
  (about) => {
    console.error(visible(`folded copy of ${adapter}: ${JSON.stringify(about)}`));
    process.exit(0);
  },
  (error: unknown) => {
    console.error(visible(`no folded copy of ${adapter}: ${reportError(error).message}`));
    process.exit(1);
  },
);
