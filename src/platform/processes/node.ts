/** Which Node runs our children: the one in the setting, else the one on PATH if new enough, else this executable. */
import { msg, UserError } from '../../text/errors.ts';
import { outputOf } from './start.ts';

const MINIMUM_NODE = 20;

export interface NodeCommand {
  command: string;
  /** Variables to add to the child's environment. */
  env: Record<string, string>;
}

/**
 * Finds Node >= 20. `preferred` (a setting) must work if given, else UserError `node-missing`. Without it: `node` on
 * PATH, else `process.execPath`, which in an editor is Electron and then runs as Node.
 */
export async function findNode(preferred?: string): Promise<NodeCommand> {
  if (preferred) {
    const version = await nodeVersion(preferred);
    if (version !== undefined && version >= MINIMUM_NODE) return { command: preferred, env: {} };
    throw new UserError(
      'node-missing',
      version === undefined
        ? msg`"${preferred}" can't be started as Node.`
        : msg`"${preferred}" is Node ${version}, which is too old.`,
      msg`Point the setting at a Node ${MINIMUM_NODE} or newer, or clear it.`,
    );
  }
  if (!process.versions['electron']) return { command: process.execPath, env: {} };
  const onPath = await nodeVersion('node');
  if (onPath !== undefined && onPath >= MINIMUM_NODE) return { command: 'node', env: {} };
  // Else it would read .asar archives of the workspace as folders.
  return { command: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1', ELECTRON_NO_ASAR: '1' } };
}

/** Major version of a Node executable; undefined if it can't be started or is something else. */
async function nodeVersion(command: string): Promise<number | undefined> {
  try {
    const { stdout } = await outputOf(command, ['--version'], { timeout: 10_000 });
    const match = /^v(\d+)\./.exec(stdout.trim());
    return match ? Number(match[1]) : undefined;
  } catch {
    return undefined;
  }
}
