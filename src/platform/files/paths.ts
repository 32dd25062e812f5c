/** Where our files are: in FORGET_ME_NOT_HOME, else in the platform's user data folder. */
import { join } from 'node:path';
import envPaths from 'env-paths';

export function dataDir(): string {
  return process.env['FORGET_ME_NOT_HOME'] || envPaths('forget-me-not', { suffix: '' }).data;
}
export const runsDir = () => join(dataDir(), 'runs');
/** Searches for a learning rate. */
export const sweepsDir = () => join(dataDir(), 'sweeps');
/** Reproductions of the paper's claims. */
export const reproductionsDir = () => join(dataDir(), 'reproductions');
export const modelsDir = () => join(dataDir(), 'models');
/** Which shown completions were accepted, by workspace folder. */
export const preferencesDir = () => join(dataDir(), 'preferences');
/** How to reach the running completion servers. */
export const serversDir = () => join(dataDir(), 'servers');
/** TensorFlow's libraries and the binding built against them. */
export const runtimeDir = () => join(dataDir(), 'runtime');
/** llama.cpp's binaries for GPUs, a folder for each version. */
export const llamaDir = () => join(dataDir(), 'llama');
/** Downloads: wheels, data sets. */
export const cacheDir = () => join(dataDir(), 'cache');
/** What is known of the files of workspaces, a file for each folder. */
export const indexDir = () => join(cacheDir(), 'index');
