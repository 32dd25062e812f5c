import { execFileSync } from 'node:child_process';

/** Runs git in a folder without any user's configuration, at `time` (in seconds) if given. Returns its trimmed output. */
export function runGit(folder: string, args: readonly string[], time?: number): string {
  const date = `${time} +0000`;
  const dated = time === undefined ? {} : { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  return execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', ...dated },
    stdio: 'pipe',
  }).trim();
}
