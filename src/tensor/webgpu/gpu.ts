/**
 * The only access to the device: pipelines, dispatches, uploads, read-backs, failures. Commands are batched before they
 * are submitted. Only `read` waits for the GPU.
 */
import { UserError } from '../../text/errors.ts';
import { Buffers, type Storage } from './buffers.ts';
import { AXES_BYTES, type Kernel } from './kernel.ts';
import { lostError, memoryError, pieceError } from './failures.ts';
import { ALIGNMENT, type Axis } from './walk.ts';

/** What a kernel's buffer is bound to: the bytes of a storage starting at `begin`, a multiple of ALIGNMENT. */
export interface Binding {
  storage: Storage;
  begin?: number;
  /** By default, up to the end. */
  bytes?: number;
  /** How many of these bytes the kernel reads or writes, if not all. Used only for statistics (bench/webgpu). */
  used?: number;
}

export type Numbers = Record<string, number | readonly Axis[]>;

/** Maximum dispatches per submission. */
const BATCH = 256;
/** Maximum FLOPs of matrix products per submission: Windows kills one that keeps a GPU busy for two seconds. */
const MAX_OPERATIONS = 5e10;
/** Bytes for a dispatch's parameters: a multiple of the alignment of uniform buffer offsets. */
const SLOT = 256;
/** Maximum number of cached bind groups: each step reuses those of the step before. */
const MAX_GROUPS = 16384;

interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  groups: Known;
}

export class Gpu {
  readonly buffers: Buffers;
  /** Limits in bytes: of a buffer, and of the part of it that a kernel can access. */
  private readonly maxBufferSize: number;
  readonly maxBindingSize: number;
  /** Limits on the workgroups in one dimension, and on the buffers of a kernel. */
  readonly maxWorkgroups: number;
  readonly maxBuffers: number;
  /** Maximum FLOPs per submission, and per dispatch where that can be split. Tests lower it. */
  maxOperations = MAX_OPERATIONS;
  /** Whether kernels use subgroups where possible. Set after the self-test. */
  subgroups = false;
  /** A placeholder for buffers that a kernel does not read. */
  readonly nothing: Binding;
  private readonly pipelines = new Map<Kernel, Pipeline>();
  private groupCount = 0;
  /**
   * Parameters of all dispatches of a submission. Every platform with WebGPU is little-endian, as are its typed arrays.
   */
  private readonly numbers = new ArrayBuffer(BATCH * SLOT);
  private readonly whole = new Uint32Array(this.numbers);
  private readonly floats = new Float32Array(this.numbers);
  private readonly numbersBuffer: GPUBuffer;
  private commands: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private batch = 1;
  private slot = 0;
  private operations = 0;
  private failure: Error | undefined;

  /** @param maxBindingSize for tests: a limit lower than the device's */
  constructor(
    readonly device: GPUDevice,
    maxBindingSize = Infinity,
  ) {
    const { limits } = device;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.buffers = new Buffers((size) => device.createBuffer({ size, usage }), limits.maxBufferSize);
    this.maxBufferSize = limits.maxBufferSize;
    this.maxWorkgroups = limits.maxComputeWorkgroupsPerDimension;
    this.maxBuffers = limits.maxStorageBuffersPerShaderStage;
    this.maxBindingSize =
      Math.floor(Math.min(maxBindingSize, limits.maxStorageBufferBindingSize) / ALIGNMENT) * ALIGNMENT;
    this.nothing = { storage: this.buffers.take(ALIGNMENT) };
    this.numbersBuffer = device.createBuffer({
      size: this.numbers.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    void device.lost.then(({ message }) => (this.failure ??= lostError(message)));
    device.addEventListener('uncapturederror', ({ error }) => {
      this.failure ??=
        error.constructor.name === 'GPUOutOfMemoryError' ? memoryError() : new Error(error.message);
    });
  }

  /** Uninitialised memory of `bytes`. Throws UserError `memory` if that exceeds the device's largest buffer. */
  take(bytes: number): Storage {
    if (bytes > this.maxBufferSize) throw pieceError(bytes, this.maxBufferSize);
    return this.buffers.take(bytes);
  }

  /** Uploads `data`, whose byte length is a multiple of four. */
  upload(data: Float32Array | Int32Array | Uint32Array): Storage {
    this.check();
    if (data.byteLength > this.maxBufferSize) throw pieceError(data.byteLength, this.maxBufferSize);
    // A write takes effect before commands that are not yet submitted, so it must not touch a buffer that they use.
    const storage = this.buffers.take(data.byteLength, this.batch - 1);
    this.device.queue.writeBuffer(storage.buffer, 0, data as Float32Array<ArrayBuffer>);
    return storage;
  }

  /** Reads `bytes` starting at `begin`, after all commands so far. Throws any error of the device. */
  async read(storage: Storage, begin: number, bytes: number): Promise<ArrayBuffer> {
    this.check();
    const size = Math.max(4, bytes);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.device.createBuffer({ size, usage });
    try {
      this.encoder().copyBufferToBuffer(storage.buffer, begin, staging, 0, size);
      this.submit();
      await staging.mapAsync(GPUMapMode.READ);
      this.check();
      return staging.getMappedRange().slice(0, bytes);
    } catch (error) {
      // The device reports its error only after the failure that it caused.
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw this.failure ?? error;
    } finally {
      staging.destroy();
    }
  }

  /**
   * Runs a kernel, with subgroups if these are enabled. The keys of `bindings` and `numbers` are the names that the
   * kernel declares.
   * @param workgroups their number, which is spread over two dimensions, or the number in each dimension
   * @param operations FLOPs, if there are many
   */
  run(
    plain: Kernel,
    bindings: Record<string, Binding | undefined>,
    numbers: Numbers,
    workgroups: number | number[],
    operations = 0,
  ): void {
    this.check();
    const kernel = (this.subgroups && plain.inSubgroups) || plain;
    if (this.slot === BATCH || this.operations + operations > this.maxOperations) this.submit();
    this.operations += operations;
    const pipeline = this.pipeline(kernel);
    const group = this.bindGroup(kernel, pipeline, bindings);
    this.writeNumbers(kernel, numbers);
    this.pass ??= this.encoder(false).beginComputePass();
    this.pass.setPipeline(pipeline.pipeline);
    this.pass.setBindGroup(0, group, [this.slot * SLOT]);
    const [x, y, z] = typeof workgroups === 'number' ? this.spread(workgroups) : workgroups;
    this.pass.dispatchWorkgroups(x!, y, z);
    this.slot += 1;
  }

  /** Sends the commands collected so far to the GPU. */
  submit(): void {
    if (!this.commands) return;
    this.pass?.end();
    this.device.queue.writeBuffer(this.numbersBuffer, 0, this.numbers, 0, this.slot * SLOT);
    this.device.queue.submit([this.commands.finish()]);
    this.commands = this.pass = undefined;
    this.slot = this.operations = 0;
    this.batch += 1;
    // A cached bind group would keep a destroyed buffer's memory alive.
    if (this.buffers.trim() || this.groupCount > MAX_GROUPS) this.forgetGroups();
  }

  private forgetGroups(): void {
    for (const pipeline of this.pipelines.values()) pipeline.groups = {};
    this.groupCount = 0;
  }

  /** The current command encoder; ends an open compute pass unless `alone` is false. */
  private encoder(alone = true): GPUCommandEncoder {
    if (alone) {
      this.pass?.end();
      this.pass = undefined;
    }
    return (this.commands ??= this.device.createCommandEncoder());
  }

  /**
   * Call this after a kernel failed to compile or run, to continue without it. Throws UserError `gpu-lost` if the GPU
   * was lost.
   */
  async forgetFailure(): Promise<void> {
    // The device reports its error only after the failure that it caused.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (this.failure instanceof UserError && this.failure.code === 'gpu-lost') throw this.failure;
    this.failure = undefined;
  }

  private check(): void {
    if (this.failure) throw this.failure;
  }

  private spread(workgroups: number): [number, number] {
    const x = Math.min(workgroups, this.maxWorkgroups);
    return [x, Math.ceil(workgroups / Math.max(1, x))];
  }

  private writeNumbers({ name, numbers }: Kernel, values: Numbers): void {
    let at = (this.slot * SLOT) / 4;
    for (const field of numbers) {
      const value = values[field.name];
      if (value === undefined) throw new Error(`The kernel ${name} needs ${field.name}.`);
      if (field.type === 'axes') {
        let place = at;
        for (const { size, strides } of value as readonly Axis[]) {
          this.whole[place] = size;
          for (let k = 0; k < strides.length; k += 1) this.whole[place + 1 + k] = strides[k]!;
          place += 4;
        }
        at += AXES_BYTES / 4;
        continue;
      }
      if (field.type === 'f32') this.floats[at] = value as number;
      else this.whole[at] = value as number;
      at += 1;
    }
  }

  private pipeline(kernel: Kernel): Pipeline {
    const known = this.pipelines.get(kernel);
    if (known) return known;
    const { device } = this;
    const visibility = GPUShaderStage.COMPUTE;
    const layout = device.createBindGroupLayout({
      entries: [
        ...kernel.buffers.map(({ writable }, binding) => ({
          binding,
          visibility,
          buffer: { type: writable ? ('storage' as const) : ('read-only-storage' as const) },
        })),
        {
          binding: kernel.buffers.length,
          visibility,
          buffer: { type: 'uniform' as const, hasDynamicOffset: true },
        },
      ],
    });
    const module = device.createShaderModule({ code: kernel.wgsl, label: kernel.name });
    const pipeline = device.createComputePipeline({
      label: kernel.name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    const made = { pipeline, layout, groups: {} };
    this.pipelines.set(kernel, made);
    return made;
  }

  /** Cached by the bound buffers. */
  private bindGroup(
    kernel: Kernel,
    pipeline: Pipeline,
    bindings: Record<string, Binding | undefined>,
  ): GPUBindGroup {
    let known: Known = pipeline.groups;
    for (const { name } of kernel.buffers) {
      const binding = bindings[name];
      if (!binding) throw new Error(`The kernel ${kernel.name} needs ${name}.`);
      const { storage, begin = 0, bytes = 0 } = binding;
      storage.batch = this.batch;
      known =
        begin + bytes === 0
          ? nextOf(known, storage.id)
          : nextOf(nextOf(nextOf(known, -storage.id), begin), bytes);
    }
    if (known.group) return known.group;
    this.groupCount += 1;
    return (known.group = this.makeGroup(kernel, pipeline, bindings));
  }

  private makeGroup(
    kernel: Kernel,
    { layout }: Pipeline,
    bindings: Record<string, Binding | undefined>,
  ): GPUBindGroup {
    const resources = kernel.buffers.map(({ name }) => {
      const { storage, begin = 0, bytes = storage.capacity - begin } = bindings[name]!;
      return { buffer: storage.buffer, offset: begin, size: Math.min(bytes, this.maxBindingSize) };
    });
    resources.push({ buffer: this.numbersBuffer, offset: 0, size: SLOT });
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.device.createBindGroup({ layout, entries });
  }
}

/** Bind groups by the ids of the bound buffers. */
interface Known {
  group?: GPUBindGroup;
  next?: Map<number, Known>;
}

function nextOf(known: Known, key: number): Known {
  known.next ??= new Map();
  let next = known.next.get(key);
  if (!next) known.next.set(key, (next = {}));
  return next;
}
