import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { quota, share, usableProcessors } from '../../../src/platform/machine/processors.ts';

const roots: string[] = [];

/** A file system with these files. */
function root(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'forget-me-not-cgroup-'));
  roots.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
afterEach(() => roots.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

describe("a container's processors", () => {
  it('are the quota of its control group, version 2', () => {
    const files = { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '200000 100000\n' };
    expect(quota(root(files))).toBe(2);
  });

  it('are rounded up, and at least one', () => {
    const granted = (max: string) =>
      quota(root({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': max }));
    expect(granted('150000 100000')).toBe(2);
    expect(granted('5000 100000')).toBe(1);
  });

  it('are the minimum of the group and its ancestors', () => {
    const files = {
      'proc/self/cgroup': '0::/pod/inner\n',
      'sys/fs/cgroup/pod/cpu.max': '300000 100000\n',
      'sys/fs/cgroup/pod/inner/cpu.max': 'max 100000\n',
    };
    expect(quota(root(files))).toBe(3);
  });

  it("are found at the root of the mount if the path is the host's", () => {
    const files = { 'proc/self/cgroup': '0::/docker/8f2c\n', 'sys/fs/cgroup/cpu.max': '100000 100000\n' };
    expect(quota(root(files))).toBe(1);
  });

  it('are read in version 1', () => {
    const files = {
      'proc/self/cgroup': '12:memory:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/box\n',
      'sys/fs/cgroup/cpu/box/cpu.cfs_quota_us': '400000\n',
      'sys/fs/cgroup/cpu/box/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    };
    expect(quota(root(files))).toBe(4);
  });

  it('are unlimited without a readable quota', () => {
    const files = { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' };
    expect(quota(root(files))).toBe(Infinity);
    expect(quota(root({}))).toBe(Infinity);
    expect(quota(root({ 'proc/self/cgroup': 'nonsense', 'sys/fs/cgroup/cpu.max': 'nonsense' }))).toBe(
      Infinity,
    );
  });

  it('are a whole number on this machine', () => {
    expect(Number.isInteger(usableProcessors()) && usableProcessors() >= 1).toBe(true);
  });
});

describe('the processors that a task on a cluster may use', () => {
  it('are its share rounded down, at least one', () => {
    expect([share('2'), share('2.5'), share('0.25')]).toEqual([2, 2, 1]);
  });
  it('are all if no share is given', () => {
    expect([share(undefined), share(''), share('many'), share('0')]).toEqual(Array(4).fill(Infinity));
  });
});
