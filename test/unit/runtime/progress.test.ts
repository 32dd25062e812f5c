import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { formatDoctor } from '../../../src/cli/commands/set-up/doctor.ts';
import { parseNvidia } from '../../../src/tensor/devices/memory.ts';
import { label, progressView, withProgress } from '../../../src/cli/view/progress.ts';

function outputOf(isTTY: boolean, work: (view: ReturnType<typeof progressView>) => void): string {
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 200,
    rows: 20,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });
  const view = progressView({ stream: stream as unknown as NodeJS.WriteStream });
  work(view);
  view.end();
  return String(stream.read() ?? '');
}
const downloading = (done: number) => ({
  phase: 'downloading',
  what: 'tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
  done,
  total: 274e6,
});

it('names a wheel in a readable way', () => {
  expect(label(downloading(0))).toBe('Downloading tensorflow-cpu 2.21.0');
  expect(label({ phase: 'Reading files', what: '', done: 0, total: 0 })).toBe('Reading files:');
});

it('prints a line per quarter without a terminal', () => {
  const text = outputOf(false, (view) => {
    for (let done = 0; done <= 274; done += 1) view.show(downloading(done * 1e6));
    view.show({ phase: 'building', what: 'the Node binding', done: 0, total: 0 });
  });
  const lines = text.trim().split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe('Downloading tensorflow-cpu 2.21.0 (274 MB)');
  expect(lines[4]).toMatch(/100%$/);
  expect(lines[5]).toBe('Building the Node binding');
});

it('draws a bar with megabytes on a terminal', () => {
  const text = outputOf(true, (view) => {
    view.show({ phase: 'resolving', what: 'tensorflow-cpu 2.21.0', done: 0, total: 0 });
    view.show(downloading(0));
    view.show(downloading(137e6));
  });
  expect(text).toContain('Looking up tensorflow-cpu 2.21.0');
  expect(text).toMatch(/\[=+-+\] 50%/);
  expect(text).toContain('137 of 274 MB');
});

it.each(['SIGINT', 'SIGTERM'] as const)('aborts the work on %s', async (name) => {
  const others = process.listeners(name);
  const own = () => process.listeners(name).filter((listener) => !others.includes(listener));
  const aborted = await withProgress({ json: true }, (_, signal) => {
    for (const listener of own()) listener(name);
    return Promise.resolve(signal.aborted);
  });
  expect([aborted, own()]).toEqual([true, []]);
});

it("parses nvidia-smi's output", () => {
  expect(parseNvidia('NVIDIA H100 80GB HBM3, 570.86.15, 81559\nNVIDIA T4, 570.86.15, 15360\n')).toEqual([
    { name: 'NVIDIA H100 80GB HBM3', driver: '570.86.15', memory: 81559 * 2 ** 20 },
    { name: 'NVIDIA T4', driver: '570.86.15', memory: 15360 * 2 ** 20 },
  ]);
  expect(parseNvidia('')).toEqual([]);
});

it('prints the command that installs a part below it', () => {
  const check = {
    area: 'tensorflow',
    title: 'TensorFlow backend',
    status: 'missing' as const,
    text: 'It is not installed.',
    command: 'forget-me-not runtime install',
  };
  const report = { checks: [check], summary: 'Works, but slowly.', version: '1.2.3' };
  const lines = formatDoctor(report as Parameters<typeof formatDoctor>[0]);
  expect(lines[0]).toBe('Forget-Me-Not 1.2.3');
  expect(lines[1]).toMatch(/^MISSING +TensorFlow backend +It is not installed\.$/);
  expect(lines[2]).toMatch(/^ +get it: forget-me-not runtime install$/);
  expect(lines.at(-1)).toBe('Works, but slowly.');
});
