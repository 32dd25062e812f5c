/**
 * The completion server as a process: `node dist/server.mjs --base FILE ...`. Its first line on stdout: ready or
 * failed.
 */
import { reportError, UserError } from '../../text/errors.ts';
import { yieldToEditor } from '../../platform/processes/low-priority.ts';
import { parseServerArgs } from './server-args.ts';
import { readyOf } from './service.ts';
import { startServer, type RunningServer } from './start-server.ts';

const TOKEN = 'FORGET_ME_NOT_TOKEN';

function printLine(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  const { base, ...options } = parseServerArgs(process.argv.slice(2));
  const token = process.env[TOKEN];
  if (!token)
    throw new UserError(
      'bad-argument',
      `${TOKEN} is not set.`,
      'Set it to a secret that clients send as bearer token.',
    );
  // Started by an editor, as the leader of its own session.
  if (options.announceIn) yieldToEditor('completion');
  const end = () => void server.close().finally(() => process.exit(0));
  const server: RunningServer = await startServer({ ...options, basePath: base, token, onIdle: end });
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  // The process that started this one may end after it has read `ready`.
  process.stdout.on('error', () => undefined);
  printLine(readyOf(server.host, server.port));
}

main().catch((error: unknown) => {
  printLine({ type: 'failed', ...reportError(error) });
  process.exitCode = 1;
  // llama.cpp's threads would keep the process alive.
  process.stdout.write('', () => process.exit(1));
});
