/** Which Node runs our children: the one from the setting, else the one on PATH if new enough, else this executable. */
import { msg, UserError } from '../../text/errors.ts';
import { outputOf } from './start.ts';

const MINIMUM_NODE = 20;

export interface NodeCommand {
  command: string;
  /** Variables added to the child's environment. */
  env: Record<string, string>;
}

/**
 * Finds Node >= 20. Throws UserError `node-missing` if `preferred` (a setting) is given and does not work. Without it,
 * tries `node` on PATH, then `process.execPath`, which in an editor is Electron running as Node.
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
  // Otherwise Electron treats .asar archives in the workspace as folders.
  return { command: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1', ELECTRON_NO_ASAR: '1' } };
}

/** Major version of a Node executable; undefined if it does not start or is not Node. */
async function nodeVersion(command: string): Promise<number | undefined> {
  try {
    const { stdout } = await outputOf(command, ['--version'], { timeout: 10_000 });
    const match = /^v(\d+)\./.exec(stdout.trim());
    return match ? Number(match[1]) : undefined;
  } catch {
    return undefined;
  }
}
