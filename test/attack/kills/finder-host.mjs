/**
 * Stands in for the extension host: passes on the requests to next edit's finder and its answers. `node
 * finder-host.mjs SCRIPT`
 */
import { Worker } from 'node:worker_threads';

const finder = new Worker(process.argv[2], { execArgv: [] });
finder.on('message', (answer) => process.send?.(answer));
process.on('message', (asked) => finder.postMessage(asked));
process.on('disconnect', () => process.exit());
