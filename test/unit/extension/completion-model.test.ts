import { expect, test } from 'vitest';
import {
  modelFromBase,
  modelFromRun,
  servedFiles,
} from '../../../src/extension/completion/completion-model.ts';
import { makeRun } from '../webview/fixtures.ts';

const base = { id: 'qwen2.5-coder-0.5b', path: '/models/qwen.gguf', sha256: '1d'.repeat(32) };

const runOf = (method: 'lora' | 'full') => {
  const run = makeRun();
  return { ...run, spec: { ...run.spec, base, hyper: { ...run.spec.hyper, method } } };
};

test('a base completes as itself, with no adapter', () => {
  const model = modelFromBase(base);
  expect(model).toMatchObject({ name: 'Qwen2.5-Coder-0.5B-Instruct', requested: 'base' });
  expect(model.id).not.toBe(base.id);
  expect(servedFiles(model)).toEqual({});
});

test('an adapter shares the server of its base; a whole model has its own', () => {
  const [adapter, whole] = [modelFromRun(runOf('lora')), modelFromRun(runOf('full'))];
  expect(adapter.server).toBe(modelFromBase(base).server);
  expect(servedFiles(adapter)).toEqual({
    adapters: [{ name: adapter.id, path: expect.stringMatching(/adapter\.gguf$/) }],
  });
  expect(whole.server).not.toBe(adapter.server);
  expect(servedFiles(whole)).toEqual({
    models: [{ name: whole.id, path: expect.stringMatching(/\.gguf$/) }],
  });
});
