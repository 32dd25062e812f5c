/**
 * Which Node runs our children: the one from the setting, else the one on PATH if it is new enough and for this
 * processor, as our native binaries are, else this executable.
 */
import { msg, UserError } from '../../text/errors.ts';
import type { Text } from '../../text/message.ts';
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
    const why = whyNot(preferred, await inspect(preferred));
    if (!why) return { command: preferred, env: {} };
    const next = msg`Point the setting at a Node ${MINIMUM_NODE} or newer, or clear it.`;
    throw new UserError('node-missing', why, next);
  }
  if (!process.versions['electron']) return { command: process.execPath, env: {} };
  if (!whyNot('node', await inspect('node'))) return { command: 'node', env: {} };
  // Otherwise Electron treats .asar archives in the workspace as folders.
  return { command: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1', ELECTRON_NO_ASAR: '1' } };
}

interface Facts {
  /** Major version. */
  version: number;
  /** As in `process.arch`. */
  processor: string;
}

function whyNot(command: string, found: Facts | undefined): Text | undefined {
  if (!found) return msg`"${command}" can't be started as Node.`;
  const { version, processor } = found;
  if (version < MINIMUM_NODE) return msg`"${command}" is Node ${version}, which is too old.`;
  if (processor !== process.arch)
    return msg`"${command}" is Node for ${processor}, and this editor is for ${process.arch}.`;
  return undefined;
}

/** Undefined if it does not start or is not Node. */
async function inspect(command: string): Promise<Facts | undefined> {
  try {
    const script = 'process.versions.node + " " + process.arch';
    const { stdout } = await outputOf(command, ['-p', script], { timeout: 10_000 });
    const [, version, processor] = /^(\d+)\.\S+ (\w+)$/.exec(stdout.trim()) ?? [];
    return version && processor ? { version: Number(version), processor } : undefined;
  } catch {
    return undefined;
  }
}
