import { join } from 'node:path';
import { exportAdapterGguf, exportModelGguf, type AdapterLayer } from '../export/index.ts';
import { adapterAlpha, type Model } from '../model/index.ts';
import { lazyParameter } from './checkpoints.ts';
import type { RunSpec } from '../protocol/run.ts';

/** Writes adapter.gguf (LoRA) or model.gguf (full). Returns its name within the run directory. */
export async function exportResult(dir: string, spec: RunSpec, model: Model): Promise<string> {
  if (spec.hyper.method === 'full') {
    const replaced = new Map(
      model.parameters.map((parameter) => [parameter.name, lazyParameter(model, parameter)]),
    );
    await exportModelGguf(join(dir, 'model.gguf'), spec.base.path, replaced, { type: 'F16' });
    return 'model.gguf';
  }
  const layers: AdapterLayer[] = [];
  for (const { name, shape } of model.parameters) {
    if (!name.endsWith('.lora_a')) continue;
    const layer = name.slice(0, -'.lora_a'.length);
    const b = model.parameters.find((parameter) => parameter.name === `${layer}.lora_b`)!;
    layers.push({
      name: layer,
      rank: shape[0]!,
      in: shape[1]!,
      out: b.shape[0]!,
      a: await model.read(name),
      b: await model.read(b.name),
    });
  }
  await exportAdapterGguf(join(dir, 'adapter.gguf'), {
    architecture: model.config.architecture,
    alpha: adapterAlpha(spec.hyper),
    baseSha256: spec.base.sha256,
    layers,
  });
  return 'adapter.gguf';
}
