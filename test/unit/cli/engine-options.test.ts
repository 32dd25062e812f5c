/** `train --engine ray-train`: what it requires of a run, and which options it rules out. */
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { addOptions } from '../../../src/cli/options/add-options.ts';
import { engineTarget, withEngine } from '../../../src/cli/options/engine-options.ts';
import { toEvaluationPlan } from '../../../src/cli/options/train-options.ts';
import { trainOptions, type AllOptions } from '../../../src/training/options/index.ts';

const parse = (line: string) =>
  addOptions(new Command(), trainOptions)
    .parse(line.split(' ').filter(Boolean), { from: 'user' })
    .opts<AllOptions>();

it('leaves other runs unchanged', () => {
  const options = parse('--steps 5');
  expect(withEngine(options)).toEqual({ options });
});

it('measures nothing at checkpoints', () => {
  const { engine, options } = withEngine(parse('--engine ray-train --workers 4 --worker-gpus --steps 5'));
  expect(engine).toEqual({ name: 'ray-train', workers: 4, gpus: true, parallel: 'fsdp' });
  expect(engineTarget(engine!).precision('lora')).toBe('bf16');
  expect(toEvaluationPlan(options).checkpointTasks).toEqual([]);
});

it('requires a cluster, CPUs for each worker and a folder shared by all nodes', () => {
  const on = '--engine ray-train --steps 5 --on http://127.0.0.1:8265';
  const engine = { name: 'ray-train', workers: 2, gpus: false, parallel: 'fsdp' };
  expect(withEngine(parse(on)).engine).toEqual(engine);
  const more = parse(`${on} --cpus 4 --storage /mnt/shared`);
  expect(withEngine(more).engine).toEqual({ ...engine, cpus: 4 });
  expect(engineTarget(engine, 'wasm').backend).toBe('wasm');
});

it.each([
  '--engine ray-train --on http://127.0.0.1:8265 --storage s3://key:secret@bucket',
  '--engine ray-train --minutes 5',
  '--engine ray-train --patience 2',
  '--engine ray-train --keep best',
  '--engine ray-train --eval-tasks retention',
  '--engine ray-train --precision f16',
  '--workers 2',
  '--parallel ddp',
  '--worker-gpus',
])('rejects %s', (line) => {
  expect(() => withEngine(parse(line))).toThrow(
    expect.objectContaining({
      code: 'bad-argument',
      message: expect.not.stringContaining('secret') as string,
    }) as Error,
  );
});
