/** Without Apple's developer tools, macOS has programs in place of theirs that open a dialog to install them. */
import { delimiter, dirname, join } from 'node:path';
import { exists } from '../files/exists.ts';
import { outputOf } from './start.ts';

/** Whether the program `file` would only open that dialog. */
export const isPlaceholder = async (file: string): Promise<boolean> =>
  process.platform === 'darwin' &&
  dirname(file) === '/usr/bin' &&
  outputOf('/usr/bin/xcode-select', ['-p']).then(
    () => false,
    () => true,
  );

/** The same for the program that the PATH has for a command. */
export async function startsPlaceholder(command: string): Promise<boolean> {
  if (process.platform !== 'darwin') return false;
  for (const dir of (process.env['PATH'] ?? '').split(delimiter))
    if (await exists(join(dir, command))) return isPlaceholder(join(dir, command));
  return false;
}
