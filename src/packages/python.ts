/** Finds Python and runs pip, for package indexes that refuse direct downloads. */
import { text } from 'node:stream/consumers';
import { startsPlaceholder } from '../platform/processes/placeholder.ts';
import { endOf, neutralFolder, tailOf, outputOf, startProcess } from '../platform/processes/start.ts';
import { downloadCancelled, msg, UserError } from '../text/errors.ts';

/** A Python 3: its command line `[command, ...arguments]`, its version, and pip's (undefined without pip). */
export interface Python {
  command: string[];
  version: string;
  pip: string | undefined;
}

const candidates = [['python3'], ['python'], ['py', '-3']];

/** From 3.11 on, no module is taken from the folder that Python starts in. */
const safePath = { PYTHONSAFEPATH: '1' };

/** What Python prints, trimmed; undefined if it fails. */
export async function askPython(
  command: readonly string[],
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const options = { timeout: 60_000, env: safePath };
    const { stdout } = await outputOf(command[0]!, [...command.slice(1), ...args], options);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Each Python 3.8 or newer on the PATH. */
export async function* findPythons(): AsyncGenerator<Pick<Python, 'command' | 'version'>> {
  for (const command of candidates) {
    if (await startsPlaceholder(command[0]!)) continue;
    const version = await askPython(command, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])']);
    const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
    if (version && major === 3 && minor >= 8) yield { command, version };
  }
}

/** The first Python 3.8 or newer with pip; else the first one without; else undefined. */
export async function inspectPython(): Promise<Python | undefined> {
  let withoutPip: Python | undefined;
  for await (const python of findPythons()) {
    const pip = /^pip (\S+)/.exec((await askPython(python.command, ['-m', 'pip', '--version'])) ?? '')?.[1];
    if (pip) return { ...python, pip };
    withoutPip ??= { ...python, pip: undefined };
  }
  return withoutPip;
}

/**
 * pip's output if it ends with status 0. Paths in `args` have to be absolute. Otherwise throws a UserError made from its
 * stderr: `network`, `disk-full`, `base-checksum` or `cancelled`.
 */
export async function runPip(
  python: Python,
  args: string[],
  signal?: AbortSignal,
  env: Record<string, string> = {},
): Promise<string> {
  const [command, ...argv] = [
    ...python.command,
    '-m',
    'pip',
    ...args,
    '--no-input',
    '--disable-pip-version-check',
    '--retries',
    '2',
  ];
  const child = startProcess(command!, argv, {
    cwd: neutralFolder,
    env: { ...safePath, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const complaint = tailOf(child.stderr!, 20_000);
  const [out, { how, error }] = await Promise.all([text(child.stdout!), endOf(child)]);
  if (signal?.aborted) throw downloadCancelled();
  if (error) throw error;
  if (how !== 0) throw pipError(complaint());
  return out;
}

/** Turns pip's stderr into a UserError; falls back to pip's own words. */
function pipError(stderr: string): UserError {
  if (/No space left on device|\[Errno 28\]/.test(stderr))
    return new UserError(
      'disk-full',
      msg`The disk is full.`,
      msg`Free some space and run the same command again.`,
    );
  if (/HASHES? .*MISMATCH|DO NOT MATCH THE HASHES/i.test(stderr))
    return new UserError(
      'base-checksum',
      msg`pip got a file with a wrong checksum.`,
      msg`Try again; if that does not help, ask whoever runs the package index.`,
    );
  if (/CERTIFICATE_VERIFY_FAILED|SSLError/.test(stderr))
    return new UserError(
      'network',
      msg`pip does not trust the package index's certificate.`,
      msg`Set your certificate with \`pip config set global.cert FILE\` and try again.`,
    );
  if (/\b40[137]\b.*(Unauthorized|Forbidden|Authentication)/i.test(stderr))
    return new UserError(
      'network',
      msg`The package index or proxy refused pip.`,
      msg`Check the sign-in in \`pip config list\` and try again.`,
    );
  if (
    /Retrying \(|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Connection(Reset|Refused|Aborted)?Error|Max retries|Temporary failure|getaddrinfo/i.test(
      stderr,
    )
  )
    return new UserError(
      'network',
      msg`pip could not reach its package index.`,
      msg`Check the connection or proxy (\`pip config list\`), then try again.`,
    );
  const missing = /No matching distribution found for (\S+)/.exec(stderr)?.[1];
  if (missing)
    return new UserError(
      'network',
      msg`pip's package index has no ${missing} for this machine.`,
      msg`Check the index and constraints in \`pip config list\`, then try again.`,
    );
  const last =
    stderr
      .split('\n')
      .filter((line) => /^ERROR/.test(line))
      .at(-1) ??
    stderr.trim().split('\n').at(-1) ??
    '';
  return new UserError(
    'network',
    msg`pip failed: ${last.replace(/^ERROR:\s*/, '') || msg`it gave no reason`}.`,
    msg`Check \`pip config list\` and try again.`,
  );
}
