/** Where what `bench:gain` has downloaded and measured lies: delete it to begin anew. */
import { join } from 'node:path';
import { cacheDir } from '../../src/protocol/paths.ts';

export const gainDir = () => join(cacheDir(), 'bench-gain');
