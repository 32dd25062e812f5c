/** The pid in the completion client's log line about a server that it starts; undefined for other lines. */
export function startedPid(line: string): number | undefined {
  const pid = /^starting as process (\d+);/.exec(line)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
