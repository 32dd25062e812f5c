/** What doctor and train say about GPUs. Needs dist/. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DoctorReport } from '../../src/protocol/doctor.ts';
import type { Workplace } from '../support/cli.ts';
import { openTraining } from '../support/trainer.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

let place: Workplace;
let base: string;
let code: string;
beforeAll(async () => void ({ place, base, code } = await openTraining()));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => place?.dispose());

const checkOf = ({ checks }: DoctorReport) => checks.find(({ area }) => area === 'webgpu')!;

describe.skipIf(!(await canTestWebgpu()))('with an adapter', () => {
  it('doctor describes it, and auto does not choose it if it is software', async () => {
    const report = await place.json<DoctorReport>('doctor');
    const [first] = report.adapters;
    expect(first!.maxBufferSize).toBeGreaterThanOrEqual(first!.maxStorageBufferBindingSize);
    expect(checkOf(report).text).toContain(first!.name);
    // A software adapter is never recommended.
    expect(checkOf(report).status).toBe(first!.kind === 'software' ? 'note' : 'ok');
    expect(report.backends.find(({ name }) => name === 'webgpu')!.starts).toBe(true);
    if (first!.kind === 'software') expect(report.chosenBackend).not.toBe('webgpu');
    expect(report.chosenAdapter).toBe(0);
  });

  it('training on an unknown GPU fails and names the known ones', async () => {
    const { code: status, stdout, stderr } = await place.run('train', code, '--base', base, '--device', '99');
    expect(status).not.toBe(0);
    expect(stdout + stderr).toMatch(/\[bad-argument\] There is no GPU "99" here\. There are 0 \(/);
  });
});

// Vulkan's loader only finds the drivers in this variable.
describe.runIf(process.platform === 'linux')('without an adapter', () => {
  it('doctor says so in a sentence', async () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nowhere');
    const report = await place.json<DoctorReport>('doctor');
    expect(report.adapters).toEqual([]);
    expect(checkOf(report)).toMatchObject({ status: 'note', text: 'No GPU with a driver was found.' });
  });

  it('training with --backend webgpu fails with a next step', async () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nowhere');
    const options = '--backend webgpu --steps 2 --seq 64 --lr 1e-3'.split(' ');
    const { code: status, stderr, stdout } = await place.run('train', code, '--base', base, ...options);
    expect(status).not.toBe(0);
    expect(stdout + stderr).toMatch(/\[backend-unavailable\] No GPU was found .*or train with --backend/);
  });
});
