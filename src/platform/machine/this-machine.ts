/** What decides which binaries run on this machine. */
import { readFileSync } from 'node:fs';

export interface MachineFacts {
  /** Node's names. */
  platform: string;
  arch: string;
  /** The version of Linux's usual C library; undefined if there is no telling. */
  glibc: string | undefined;
  /** Linux has another C library (Alpine). */
  musl: boolean;
  /** Has the vector instructions that programs of today are built for; true where there is no telling. */
  avx: boolean;
}

export function thisMachine(): MachineFacts {
  const { platform, arch } = process;
  const header = platform === 'linux' ? reportHeader() : undefined;
  const glibc = header?.glibcVersionRuntime;
  return {
    platform,
    arch,
    glibc,
    // An editor's Electron is made for glibc only, and may not report it.
    musl: header !== undefined && glibc === undefined && !process.versions['electron'],
    // Read only when asked for: most children start without it.
    get avx() {
      return platform !== 'linux' || arch !== 'x64' || hasAvx(readProcessors());
    },
  };
}

function reportHeader(): { glibcVersionRuntime?: string } | undefined {
  const report = process.report as (typeof process.report & { excludeNetwork?: boolean }) | undefined;
  if (!report) return undefined;
  const { excludeNetwork = false } = report;
  // Else it looks up the names of all hosts that this process talks to, which can take seconds.
  report.excludeNetwork = true;
  try {
    return (report.getReport() as { header?: { glibcVersionRuntime?: string } }).header;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** Whether glibc, as "2.36", is 2.`minor` or newer. */
export const isGlibcFrom = (minor: number, glibc: string): boolean => Number(glibc.split('.')[1]) >= minor;

function readProcessors(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** Of the text of /proc/cpuinfo; true if it does not say. Pure. */
export function hasAvx(cpuinfo: string): boolean {
  const [, flags] = /^flags\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return flags === undefined || flags.split(' ').includes('avx');
}
