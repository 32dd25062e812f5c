/** Loads a GGUF file as a model on a backend. */
import {
  architectures,
  biasedModules,
  blockModules,
  moduleTensors,
  ROPE_DIVISORS,
  type Architecture,
} from '../base-models/architectures.ts';
import type { ModuleName } from '../protocol/run.ts';
import { UserError } from '../text/errors.ts';
import { collectGarbage } from '../platform/processes/garbage.ts';
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { activations } from './activations.ts';
import { Attention } from './attention.ts';
import { Block } from './block.ts';
import { readConfig, type ModelConfig, type WeightSource } from './config.ts';
import { DropoutNoise } from './dropout.ts';
import { Head } from './head.ts';
import { HeadNorms } from './head-norms.ts';
import { BranchOutput } from './branch-output.ts';
import { Linear, type Lora } from './linear.ts';
import { Llama } from './llama.ts';
import { LossHead } from './loss-head.ts';
import { isSlot, type ModelOptions, type Parameter, type Slot } from './model.ts';
import { Norm } from './norm.ts';
import { Parameters } from './parameters.ts';
import { elementCount, isQuantised, type TensorType } from '../gguf/types.ts';
import type { StoredMatrix } from '../tensor/compound.ts';
import { StoredWeight } from './stored-weight.ts';
import { gaussian, mix, mixText } from '../statistics/random.ts';
import { checkRank, chooseTargets, linearShape, loraScale } from './targets.ts';

/**
 * Loads a base for LoRA, full fine-tuning or reading only. Throws like readConfig; UserError `base-truncated` if a
 * tensor is missing or has the wrong shape; UserError `bad-argument` for targets that match nothing, a rank above a
 * matrix's smaller side, or a precision that the backend does not support.
 */
export async function loadModel(
  backend: Backend,
  source: WeightSource,
  options: ModelOptions,
): Promise<Llama> {
  const config = await withDivisors(readConfig(source), source);
  const { precision } = options;
  if (precision !== 'f32' && !backend.precisions.includes(precision))
    throw new UserError(
      'bad-argument',
      `The ${backend.name} backend has no ${precision} here.`,
      'Use --precision f32.',
    );
  const targets = options.method === 'lora' ? chooseTargets(config, options.targets) : new Set<string>();
  if (!options.anyRank) checkRank(config, targets, options.rank);
  const model = await new Loader(backend, source, config, options, targets).load();
  collectGarbage(); // frees the bytes that were read
  return model;
}

async function withDivisors(config: ModelConfig, source: WeightSource): Promise<ModelConfig> {
  if (!source.tensors.has(ROPE_DIVISORS)) return config;
  const ropeDivisors = await readValues(source, ROPE_DIVISORS, [config.headSize / 2]);
  return { ...config, ropeDivisors };
}

/** The type of weights and activations. */
const computeType = (precision: ModelOptions['precision']): DataType =>
  precision === 'bf16' ? 'bf16' : 'f32';

const isGateOrUp = (module: ModuleName) => module === 'gate' || module === 'up';

class Loader {
  private readonly parameters: Parameters;
  private readonly compute: DataType;
  private readonly frozen: (Tensor | StoredWeight)[] = [];
  private readonly row: Architecture;

  constructor(
    private readonly backend: Backend,
    private readonly source: WeightSource,
    private readonly config: ModelConfig,
    private readonly options: ModelOptions,
    private readonly targets: ReadonlySet<string>,
  ) {
    this.parameters = new Parameters(backend);
    this.compute = computeType(options.precision);
    this.row = architectures[config.architecture];
  }

  async load(): Promise<Llama> {
    const { backend, config, options, compute, parameters } = this;
    const { width, vocabularySize } = config;
    const embedding = await this.matrix('token_embd.weight', [vocabularySize, width]);
    const attention = new Attention(backend, config);
    const blocks: Block[] = [];
    for (let index = 0; index < config.layers; index += 1) {
      const parts = {
        positions: config.positions[index]!,
        attentionNorm: await this.norm(`blk.${index}.attn_norm`),
        qkv: await this.linear(index, ['q', 'k', 'v']),
        headNorms: await this.headNorms(index),
        o: await this.linear(index, ['o']),
        attentionOutput: await this.branchOutput(`blk.${index}.post_attention_norm`),
        mlpNorm: await this.norm(`blk.${index}.ffn_norm`),
        gateUp: await this.linear(index, blockModules(config).filter(isGateOrUp)),
        activation: activations[this.row.activation ?? 'swiglu'],
        down: await this.linear(index, ['down']),
        mlpOutput: await this.branchOutput(`blk.${index}.post_ffw_norm`),
      };
      blocks.push(new Block(backend, index, parts, attention));
    }
    const outputNorm = await this.norm('output_norm');
    const headWeight = config.tiedHead
      ? embedding
      : await this.matrix('output.weight', [vocabularySize, width]);
    const noise = (rate: number | undefined) =>
      rate ? { noise: new DropoutNoise(backend, rate, compute), keepRate: 1 - rate } : undefined;
    parameters.finalise();
    const { lossTokens } = options;
    return new Llama({
      backend,
      config,
      compute,
      parameters,
      embedding,
      blocks,
      attention,
      outputNorm,
      head: new Head(backend, parameters, compute, headWeight, vocabularySize),
      lossHead:
        lossTokens && !isSlot(headWeight)
          ? new LossHead({ backend, parameters, compute, weight: headWeight, vocabularySize }, lossTokens)
          : undefined,
      dropout: options.method === 'lora' ? noise(options.dropout) : undefined,
      attentionDropout: noise(options.attentionDropout),
      half: options.precision === 'f16',
      recompute: options.recompute ?? false,
      frozen: this.frozen,
      method: options.method,
    });
  }

  /** Modules with the same input, as one matrix [sum of their rows, in]. */
  private async linear(index: number, modules: ModuleName[]): Promise<Linear> {
    const names = modules.map((module) => `blk.${index}.${moduleTensors[module]}`);
    const rows = names.map((name) => linearShape(this.config, name)[0]);
    const columns = linearShape(this.config, names[0]!)[1];
    const parts = names.map((name, i) => ({ name: `${name}.weight`, shape: [rows[i]!, columns] }));
    const weight = await this.stacked(parts);
    const biased = biasedModules(this.config);
    const bias = modules.every((module) => biased.includes(module))
      ? await this.bias(names, rows)
      : undefined;
    const lora = this.lora(names, rows, columns);
    return new Linear(this.backend, this.parameters, this.compute, weight, rows, lora, bias);
  }

  private async bias(names: string[], rows: number[]): Promise<Tensor | Slot> {
    const parts = names.map((name, i) => ({ name: `${name}.bias`, shape: [rows[i]!] }));
    const values: number[] = [];
    for (const { name, shape } of parts) values.push(...(await this.values(name, shape)));
    return this.place(parts, Float32Array.from(values), [values.length], true);
  }

  private lora(names: string[], rows: number[], columns: number): Lora | undefined {
    const { backend, options, parameters, targets } = this;
    const { rank, seed } = options;
    const chosen = names.filter((name) => targets.has(name));
    if (!chosen.length) return undefined;
    const values = new Float32Array(chosen.length * rank * columns);
    const parts = chosen.map((name, i) => {
      values.set(firstA(name, [rank, columns], seed), i * rank * columns);
      return { name: `${name}.lora_a`, shape: [rank, columns] };
    });
    // A of all chosen modules stacked; B of each is its own slot
    const a = parameters.add(parts, backend.tensor(values, [chosen.length * rank, columns]));
    const b = names.map((name, i) =>
      targets.has(name)
        ? parameters.add(
            [{ name: `${name}.lora_b`, shape: [rows[i]!, rank] }],
            backend.zeros([rows[i]!, rank]),
          )
        : undefined,
    );
    return { a, b, rank, scale: loraScale(options) };
  }

  private async norm(layer: string, size = this.config.width): Promise<Norm> {
    const { backend, parameters, config, compute } = this;
    const vector = async (name: string) =>
      this.place([{ name, shape: [size] }], await this.values(name, [size]), [size], false);
    return new Norm(backend, parameters, {
      gain: await vector(`${layer}.weight`),
      bias: this.row.norm === 'layer' ? await vector(`${layer}.bias`) : undefined,
      epsilon: config.normEpsilon,
      compute,
    });
  }

  private async branchOutput(layer: string): Promise<BranchOutput> {
    const norm = this.row.normsAfter ? await this.norm(layer) : undefined;
    return new BranchOutput(this.backend, this.compute, this.config.scales.residual, norm);
  }

  private async headNorms(index: number): Promise<HeadNorms | undefined> {
    const { backend, config } = this;
    if (!this.row.headNorms) return undefined;
    const q = await this.norm(`blk.${index}.attn_q_norm`, config.headSize);
    const k = await this.norm(`blk.${index}.attn_k_norm`, config.headSize);
    return new HeadNorms(backend, config, { q, k });
  }

  private matrix(name: string, shape: number[]): Promise<Tensor | StoredWeight | Slot> {
    return this.stacked([{ name, shape }]);
  }

  /** Matrices stacked vertically: left quantised if frozen, else as floats. */
  private async stacked(parts: { name: string; shape: number[] }[]): Promise<Tensor | StoredWeight | Slot> {
    const { backend, source, compute, frozen } = this;
    const stored =
      this.options.method === 'full' ? undefined : await readStored(backend, source, parts, compute);
    if (stored) frozen.push(stored);
    if (stored) return stored;
    const columns = parts[0]!.shape[1]!;
    const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const data = new Float32Array(rows * columns);
    let begin = 0;
    for (const { name, shape } of parts) {
      data.set(await this.values(name, shape), begin);
      begin += elementCount(shape);
    }
    return this.place(parts, data, [rows, columns], true);
  }

  /** A trained slot in full fine-tuning; otherwise a frozen tensor, in the products' type if used in a `product`. */
  private place(
    parts: { name: string; shape: number[] }[],
    data: Float32Array,
    shape: number[],
    product: boolean,
  ): Tensor | Slot {
    const { backend: b } = this;
    if (this.options.method === 'full') return this.parameters.add(parts, b.tensor(data, shape));
    const tensor = b.arena(() => {
      const f32 = b.tensor(data, shape);
      return product && this.compute === 'bf16' ? b.cast(f32, 'bf16') : f32;
    });
    this.frozen.push(b.keep(tensor));
    return tensor;
  }

  private values(name: string, shape: number[]): Promise<Float32Array> {
    return readValues(this.source, name, shape);
  }
}

/** A model's head (the output projection) without the rest of the model. */
export interface LoadedHead {
  head: Head;
  dispose(): void;
}

/** Loads only the head [vocabulary, width]. Throws like readConfig, and UserError `base-truncated`. */
export async function loadHead(
  backend: Backend,
  source: WeightSource,
  precision: ModelOptions['precision'],
): Promise<LoadedHead> {
  const { tiedHead, vocabularySize, width } = readConfig(source);
  const shape = [vocabularySize, width];
  const name = tiedHead ? 'token_embd.weight' : 'output.weight';
  const parameters = new Parameters(backend);
  const compute = computeType(precision);
  const stored = await readStored(backend, source, [{ name, shape }], compute);
  if (stored)
    return {
      head: new Head(backend, parameters, compute, stored, vocabularySize),
      dispose: () => stored.dispose(),
    };
  const values = await readValues(source, name, shape);
  const weight = backend.keep(
    backend.arena(() => {
      const f32 = backend.tensor(values, shape);
      return precision === 'bf16' ? backend.cast(f32, 'bf16') : f32;
    }),
  );
  const head = new Head(backend, parameters, compute, weight, vocabularySize);
  return { head, dispose: () => backend.dispose(weight) };
}

/**
 * A parameter's initial values: those of the base, or of LoRA's A and B. Throws UserError `base-truncated` if the base
 * lacks the tensor.
 */
export async function initialValues(
  source: WeightSource,
  { name, shape }: Parameter,
  { seed }: Pick<ModelOptions, 'seed'>,
): Promise<Float32Array> {
  const [, layer, part] = /^(.+)\.lora_([ab])$/.exec(name) ?? [];
  if (!layer) return readValues(source, name, shape);
  return part === 'a' ? firstA(layer, shape, seed) : new Float32Array(elementCount(shape));
}

/** A ~ N(0, 1/rank^2), like PEFT's "gaussian"; B = 0. */
export const firstA = (layer: string, [rank, columns]: readonly number[], seed: number): Float32Array =>
  gaussian(rank! * columns!, 1 / rank!, mix(seed, mixText(layer)));

/**
 * Quantised matrices; undefined if any is not quantised, or if the backend does not keep quantised weights. Throws
 * UserError `base-truncated`.
 */
async function readStored(
  backend: Backend,
  source: WeightSource,
  parts: { name: string; shape: number[] }[],
  compute: DataType,
): Promise<StoredWeight | undefined> {
  const { keepsQuantised } = backend.compound;
  for (const { name, shape } of parts) {
    checkShape(source, name, shape);
    const type = source.tensors.get(name)?.type;
    if (!keepsQuantised || !source.readBytes || !type || !isQuantised(type)) return undefined;
  }
  const stored: StoredMatrix[] = [];
  for (const { type, names, rows } of sameType(source, parts)) {
    const bytes: Uint8Array[] = [];
    for (const name of names) bytes.push(await source.readBytes!(name));
    const shape = [rows, parts[0]!.shape[1]!] as const;
    stored.push(backend.compound.store(type, bytes.length > 1 ? Buffer.concat(bytes) : bytes[0]!, shape));
  }
  return new StoredWeight(backend, stored, compute);
}

/** Groups adjacent parts of the same type: stacked, they are dequantised as one matrix. */
function sameType(source: WeightSource, parts: readonly { name: string; shape: number[] }[]) {
  const stacks: { type: TensorType; names: string[]; rows: number }[] = [];
  for (const { name, shape } of parts) {
    const type = source.tensors.get(name)!.type!;
    const last = stacks.at(-1);
    if (last?.type !== type) stacks.push({ type, names: [name], rows: shape[0]! });
    else {
      last.names.push(name);
      last.rows += shape[0]!;
    }
  }
  return stacks;
}

async function readValues(source: WeightSource, name: string, shape: number[]): Promise<Float32Array> {
  checkShape(source, name, shape);
  return source.readF32(name);
}

function checkShape(source: WeightSource, name: string, shape: number[]): void {
  const known = source.tensors.get(name);
  if (!known)
    throw new UserError('base-truncated', `The base has no tensor "${name}".`, 'Download the file again.');
  if (known.shape.join() !== shape.join())
    throw new UserError(
      'base-truncated',
      `The base's tensor "${name}" is ${known.shape.join(' x ')}, not ${shape.join(' x ')}.`,
      'Download the file again.',
    );
}
