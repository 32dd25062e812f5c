/** Locations of our files: in FORGET_ME_NOT_HOME, else in the platform's user data folder. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import envPaths from 'env-paths';

/** Absolute, because other programs start in another folder. */
export const dataDir = (): string =>
  resolve(process.env['FORGET_ME_NOT_HOME'] || envPaths('forget-me-not', { suffix: '' }).data);
/** A path as a person writes it: "~/" is the home folder. */
export const expandHome = (path: string): string => path.replace(/^~(?=[\\/]|$)/, () => homedir());
export const runsDir = () => join(dataDir(), 'runs');
/** Learning rate sweeps. */
export const sweepsDir = () => join(dataDir(), 'sweeps');
/** Reproductions of the paper's claims. */
export const reproductionsDir = () => join(dataDir(), 'reproductions');
export const modelsDir = () => join(dataDir(), 'models');
/** Addresses of the running completion servers. */
export const serversDir = () => join(dataDir(), 'servers');
/** TensorFlow's libraries and the binding. */
export const runtimeDir = () => join(dataDir(), 'runtime');
/** What only a GPU needs: llama.cpp's binaries and Dawn, in a folder for each version of node-llama-cpp. */
export const llamaDir = () => join(dataDir(), 'llama');
/** Downloads: wheels, data sets. */
export const cacheDir = () => join(dataDir(), 'cache');
/** HumanEval's problems, once they were downloaded. */
export const humanevalPath = () => join(cacheDir(), 'HumanEval.jsonl.gz');
/** Workspace indexes, one file per workspace folder. */
export const indexDir = () => join(cacheDir(), 'index');
