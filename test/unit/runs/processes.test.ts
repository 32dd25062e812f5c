import { expect, it, onTestFinished, vi } from 'vitest';
import { outputSync } from '../../../src/platform/processes/start.ts';
import { processStart } from '../../../src/runs/processes.ts';

vi.mock('../../../src/platform/processes/start.ts', { spy: true });

it('on macOS, asks `ps` only once when this process started', () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
  vi.mocked(outputSync).mockImplementation((_, args) => `start of ${args.at(-1)}\n`);
  for (const pid of [process.pid, process.ppid, process.pid, process.ppid])
    expect(processStart(pid)).toBe(`start of ${pid}`);
  const asked = vi.mocked(outputSync).mock.calls.map(([, args]) => Number(args.at(-1)));
  expect(asked).toEqual([process.pid, process.ppid, process.ppid]);
});
