/** Writes the result file of a run, from the model in memory or from a checkpoint. Equal weights give equal bytes. */
import { join } from 'node:path';
import { exportAdapterGguf, exportModelGguf, type Adapter, type AdapterLayer } from '../weights/index.ts';
import type { LazyValues } from '../weights/values.ts';
import { readHeader } from '../gguf/index.ts';
import { adapterAlpha, readConfig, type Model } from '../model/index.ts';
import { artefactName, type RunSpec } from '../protocol/run.ts';
import { lazyParameter, readParameters } from './checkpoints/store.ts';

/** Trained parameters by name. */
type Parameters = ReadonlyMap<string, { shape: readonly number[]; data: LazyValues }>;
type ResultSpec = Pick<RunSpec, 'base' | 'hyper'>;

/** Writes adapter.gguf (LoRA) or model.gguf (full). Returns its name within the run directory. */
export async function exportResult(dir: string, spec: ResultSpec, model: Model): Promise<string> {
  const parameters = model.parameters.map(
    (parameter) =>
      [parameter.name, { shape: parameter.shape, data: lazyParameter(model, parameter) }] as const,
  );
  const name = artefactName(spec);
  await exportParameters(join(dir, name), spec, new Map(parameters), model.config.architecture);
  return name;
}

/** Writes what `exportResult` would have written at the checkpoint of `step`. Throws if that can't be read. */
export async function exportCheckpoint(
  to: string,
  dir: string,
  spec: ResultSpec,
  step: number,
): Promise<void> {
  const parameters = await readParameters(dir, step);
  const gguf = await readHeader(spec.base.path);
  await exportParameters(to, spec, parameters, readConfig(gguf).architecture);
}

async function exportParameters(
  to: string,
  { base, hyper }: ResultSpec,
  parameters: Parameters,
  architecture: Adapter['architecture'],
): Promise<void> {
  if (hyper.method === 'full') {
    const replaced = new Map([...parameters].map(([name, { data }]) => [name, data]));
    return exportModelGguf(to, base.path, replaced, { type: 'F16' });
  }
  const layers: AdapterLayer[] = [];
  for (const [name, { shape, data }] of parameters) {
    if (!name.endsWith('.lora_a')) continue;
    const layer = name.slice(0, -'.lora_a'.length);
    const b = parameters.get(`${layer}.lora_b`);
    if (!b) throw new Error(`${layer} has no B`);
    layers.push({
      name: layer,
      rank: shape[0]!,
      in: shape[1]!,
      out: b.shape[0]!,
      a: await data.read(),
      b: await b.data.read(),
    });
  }
  await exportAdapterGguf(to, { architecture, alpha: adapterAlpha(hyper), baseSha256: base.sha256, layers });
}
