/** A real installation of TensorFlow from the package index, its binding built here, and doctor's report. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine } from '../../src/cli/doctor.ts';
import { doctorReportSchema } from '../../src/protocol/doctor.ts';
import { offer } from '../../src/tensor/runtime/release.ts';
import type { FetchProgress } from '../../src/packages/pypi.ts';
import { findRuntime, installRuntime } from '../../src/tensor/runtime/index.ts';
import { Sandbox } from '../unit/runtime/fakes.ts';

let box: Sandbox;
beforeAll(() => {
  // A folder that is kept between test runs saves the download.
  const cache = process.env['FORGET_ME_NOT_TEST_CACHE'];
  box = new Sandbox(cache);
});
afterAll(() => box.close());

describe.runIf(offer(false).release)('the runtime', () => {
  it(
    'installs once for two simultaneous requests, computes, and is found by doctor',
    { timeout: 600_000 },
    async () => {
      const before = doctorReportSchema.parse(await examine());
      expect(before.backends[0]).toMatchObject({
        name: 'tensorflow',
        starts: false,
        command: 'forget-me-not runtime install',
      });

      const reports: FetchProgress[] = [];
      const keepDownloads = process.env['FORGET_ME_NOT_TEST_CACHE'] !== undefined;
      const install = () =>
        installRuntime({ gpu: false, keepDownloads, onProgress: (progress) => reports.push(progress) });
      await Promise.all([install(), install()]);
      expect(reports.filter(({ phase }) => phase === 'verifying')).toHaveLength(1);
      expect(reports.some(({ phase }) => phase === 'waiting')).toBe(true);

      const runtime = await findRuntime();
      expect(runtime).toMatchObject({ version: '2.21.0', gpu: false });
      const home = process.env['FORGET_ME_NOT_HOME']!;
      expect(readdirSync(join(home, 'runtime'))).toEqual(['tensorflow']);
      expect(readdirSync(join(home, 'runtime/tensorflow')).sort()).toEqual([
        'runtime.json',
        'tensorflow',
        'tfjs_binding.node',
      ]);

      const binding = createRequire(import.meta.url)(runtime!.binding);
      const vector = binding.createTensor([3], binding.TF_FLOAT, new Float32Array([3, -1, 2]));
      const attributes = [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }];
      const [relu] = binding.executeOp('Relu', attributes, [vector], 1);
      expect([...binding.tensorDataSync(relu.id)]).toEqual([3, 0, 2]);

      const after = doctorReportSchema.parse(await examine());
      expect(after.backends[0]).toMatchObject({ name: 'tensorflow', starts: true, version: '2.21.0' });
      expect(after).toMatchObject({ ok: true, chosenBackend: 'tensorflow', llama: { starts: true } });
    },
  );
});
