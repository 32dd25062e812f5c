/** The folder of `bench:gain`'s downloads and measurements. Delete it to start afresh. */
import { join } from 'node:path';
import { cacheDir } from '../../src/platform/files/paths.ts';

export const gainDir = () => join(cacheDir(), 'bench-gain');
