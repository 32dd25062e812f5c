/** Facts that determine which binaries run on this machine. */
import { readFileSync } from 'node:fs';

export interface MachineFacts {
  /** As in Node's process.platform and process.arch. */
  platform: string;
  arch: string;
  /** Version of glibc; undefined if unknown. */
  glibc: string | undefined;
  /** This Linux uses musl (Alpine). */
  musl: boolean;
  /** The processor has AVX; true if unknown. */
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
    // Electron runs only on glibc, though it may not report it.
    musl: header !== undefined && glibc === undefined && !process.versions['electron'],
    // Lazy, because most processes don't need it.
    get avx() {
      return platform !== 'linux' || arch !== 'x64' || hasAvx(readProcessors());
    },
  };
}

function reportHeader(): { glibcVersionRuntime?: string } | undefined {
  const report = process.report as (typeof process.report & { excludeNetwork?: boolean }) | undefined;
  if (!report) return undefined;
  const { excludeNetwork = false } = report;
  // Otherwise the report resolves the names of all connected hosts, which can take seconds.
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

/** `cpuinfo`: the text of /proc/cpuinfo. True if it does not say. Pure. */
export function hasAvx(cpuinfo: string): boolean {
  const [, flags] = /^flags\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return flags === undefined || flags.split(' ').includes('avx');
}
