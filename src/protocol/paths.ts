/** Where things lie on disk. FORGET_ME_NOT_HOME, else the platform's user data folder. */
import { join } from 'node:path';
import envPaths from 'env-paths';

export function dataDir(): string {
  return process.env['FORGET_ME_NOT_HOME'] || envPaths('forget-me-not', { suffix: '' }).data;
}
export const runsDir = () => join(dataDir(), 'runs');
/** Learning rates that were tried. */
export const sweepsDir = () => join(dataDir(), 'sweeps');
/** The paper's claims as they were tried. */
export const reproductionsDir = () => join(dataDir(), 'reproductions');
export const modelsDir = () => join(dataDir(), 'models');
/** What became of completions that were shown, by workspace folder. */
export const preferencesDir = () => join(dataDir(), 'preferences');
/** How the completion servers that run can be reached. */
export const serversDir = () => join(dataDir(), 'servers');
/** TensorFlow's libraries and the binding built against them. */
export const runtimeDir = () => join(dataDir(), 'runtime');
/** Downloads: wheels, data sets. */
export const cacheDir = () => join(dataDir(), 'cache');
