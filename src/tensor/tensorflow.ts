/**
 * TensorFlow through the binding of @tensorflow/tfjs-node-gpu. Raw operations are called directly, because TF.js's own
 * tensors lack bf16 and its engine and gradient tape would cost memory and time for nothing.
 */
import { createRequire } from 'node:module';
import { UserError } from '../text/errors.ts';
import { msg, type Text, joinTexts } from '../text/message.ts';
import { usableProcessors } from '../platform/machine/processors.ts';
import { ArenaBackend, Handle } from './arena.ts';
import type { Backend, DataType, MatmulOptions, Tensor } from './backend.ts';
import { Composed } from './composed.ts';
import type { Compound } from './compound.ts';
import { Fused, type KernelCaller } from './fused.ts';
import { wordsOf } from './words.ts';
import { currentRuntime } from './runtime/current.ts';

interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

/** The exports of binding/tfjs_binding.cc that are used here. */
interface Binding {
  createTensor(shape: readonly number[], dtype: number, data: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(
    name: string,
    attributes: Attribute[],
    inputs: number[],
    outputs: number,
  ): { id: number; shape: number[]; dtype: number }[];
  isUsingGpuDevice(): boolean;
  TF_ATTR_TYPE: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_INT: number;
  TF_Version: string;
}

/** TF_DataType's numbers. */
const dtypeNumbers: Record<DataType, number> = { f32: 1, i32: 3, bf16: 14 };
const dtypeNames: Record<number, DataType> = { 1: 'f32', 3: 'i32', 14: 'bf16' };

class TensorflowHandle extends Handle {
  constructor(
    private readonly binding: Binding,
    readonly id: number,
    readonly shape: readonly number[],
    readonly dtype: DataType,
  ) {
    super();
  }
  release(): void {
    this.binding.deleteTensor(this.id);
  }
}

/** Loads TensorFlow and the binding (under a second). Throws like startBackend. */
export async function startTensorflow(reason: Text): Promise<Backend> {
  const path = process.env['FORGET_ME_NOT_BINDING'] || (await currentRuntime())?.binding;
  if (!path)
    throw new UserError('runtime-missing', msg`TensorFlow is not installed.`, msg`Run {install-runtime}.`);
  // The library reads these variables only when it loads.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  // Otherwise CUDA rounds the operands of f32 products to 10 bits, and orders GPUs differently from nvidia-smi.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';
  // Otherwise it uses all of the machine's processors even in a container. Our kernels read this variable too.
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(usableProcessors());
  try {
    const binding = createRequire(import.meta.url)(path) as Binding;
    return new TensorflowBackend(binding, joinTexts([`TensorFlow ${binding.TF_Version}`, reason], ', '));
  } catch (error) {
    throw new UserError(
      'backend-unavailable',
      msg`TensorFlow does not start: ${(error as Error).message}.`,
      msg`Run {doctor}, or train with --backend wasm.`,
      { cause: error },
    );
  }
}

class TensorflowBackend extends ArenaBackend implements Backend {
  readonly name = 'tensorflow';
  readonly precisions = ['bf16'] as const;
  readonly compound: Compound;
  private readonly constants = new Map<string, TensorflowHandle>();

  constructor(
    private readonly binding: Binding,
    readonly reason: Text,
  ) {
    super();
    this.compound = this.chooseCompound();
  }

  /** The kernels run only on CPUs, and a binding built elsewhere may lack them. */
  private hasKernels(): boolean {
    if (this.binding.isUsingGpuDevice() || process.env['FORGET_ME_NOT_KERNELS'] === '0') return false;
    return this.works(() => void this.fused(false).add(this.zeros([1]), this.zeros([1])));
  }

  private chooseCompound(): Compound {
    if (!this.hasKernels()) return new Composed(this, false);
    const fused = this.fused(true);
    // An older binding without this kernel keeps working with dequantised weights.
    const canDequantise = this.works(() => {
      const row = fused.store('Q8_0', new Uint8Array(34), [1, 32]);
      this.dispose(fused.dequantise([row], 'f32'), row);
    });
    return canDequantise ? fused : this.fused(false);
  }

  private works(use: () => void): boolean {
    try {
      this.arena(use);
      return true;
    } catch {
      return false;
    }
  }

  private fused(keepsQuantised: boolean): Fused {
    const caller: KernelCaller = {
      call: (name, type, inputs, outputs) =>
        this.execute(name, type ? [this.type('T', type)] : [], inputs, outputs),
      ints: (values) => this.ints(values),
      floats: (values) => this.floats(values),
      zeros: (shape) => this.zeros(shape),
      indices: (values) => this.tensor(values, [values.length]),
      free: (x) => this.dispose(x),
      bytes: (values) => {
        const words = wordsOf(values);
        return this.keep(this.tensor(words, [words.length]));
      },
      nothing: (type) => this.constant(type === 'i32' ? new Int32Array(0) : new Float32Array(0), [0], type),
    };
    return new Fused(caller, keepsQuantised);
  }

  // Upload and read back

  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    const dtype = data instanceof Float32Array ? 'f32' : 'i32';
    const id = this.binding.createTensor(shape, dtypeNumbers[dtype], data);
    return this.made(new TensorflowHandle(this.binding, id, shape, dtype));
  }

  zeros(shape: readonly number[], dtype: DataType = 'f32'): Tensor {
    return this.run(
      'Fill',
      [this.type('T', dtype), this.type('index_type', 'i32')],
      [this.ints(shape), this.scalar(0, dtype)],
    );
  }

  read(x: Tensor): Promise<Float32Array> {
    return Promise.resolve(
      this.arena(
        () =>
          this.binding.tensorDataSync(
            this.handle(x.dtype === 'bf16' ? this.cast(x, 'f32') : x).id,
          ) as Float32Array,
      ),
    );
  }

  // Shape

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.run('Reshape', [this.type('T', x.dtype), this.type('Tshape', 'i32')], [x, this.ints(shape)]);
  }

  transpose(x: Tensor, permutation: readonly number[]): Tensor {
    return this.run(
      'Transpose',
      [this.type('T', x.dtype), this.type('Tperm', 'i32')],
      [x, this.ints(permutation)],
    );
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    return this.run(
      'Slice',
      [this.type('T', x.dtype), this.type('Index', 'i32')],
      [x, this.ints(begin), this.ints(size)],
    );
  }

  concat(xs: readonly Tensor[], axis: number): Tensor {
    if (xs.length === 1) return this.reshape(xs[0]!, xs[0]!.shape);
    const attributes = [this.type('T', xs[0]!.dtype), this.type('Tidx', 'i32'), this.int('N', xs.length)];
    return this.run('ConcatV2', attributes, [...xs, this.intScalar(axis)]);
  }

  cast(x: Tensor, dtype: 'f32' | 'bf16'): Tensor {
    return this.run(
      'Cast',
      [this.type('SrcT', x.dtype), this.type('DstT', dtype), this.bool('Truncate', false)],
      [x],
    );
  }

  // Elementwise

  add = (a: Tensor, b: Tensor | number) => this.binary('AddV2', a, b);
  sub = (a: Tensor, b: Tensor | number) => this.binary('Sub', a, b);
  mul = (a: Tensor, b: Tensor | number) => this.binary('Mul', a, b);
  div = (a: Tensor, b: Tensor | number) => this.binary('RealDiv', a, b);
  square = (x: Tensor) => this.unary('Square', x);
  sqrt = (x: Tensor) => this.unary('Sqrt', x);
  rsqrt = (x: Tensor) => this.unary('Rsqrt', x);
  sigmoid = (x: Tensor) => this.unary('Sigmoid', x);
  sign = (x: Tensor) => this.unary('Sign', x);

  // Along an axis

  sum = (x: Tensor, axis: number, keep = false) => this.reduce('Sum', x, axis, keep);
  mean = (x: Tensor, axis: number, keep = false) => this.reduce('Mean', x, axis, keep);
  softmax = (x: Tensor) => this.unary('Softmax', x);
  logSoftmax = (x: Tensor) => this.unary('LogSoftmax', x);

  sumOfSquares(x: Tensor): Tensor {
    return this.arena(() => this.mul(this.unary('L2Loss', x), 2));
  }

  // Products and lookups

  matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
    const type = this.type('T', a.dtype);
    if (a.shape.length === 2)
      return this.run(
        'MatMul',
        [type, this.bool('transpose_a', transposeA), this.bool('transpose_b', transposeB)],
        [a, b],
      );
    return this.run(
      'BatchMatMulV2',
      [type, this.bool('adj_x', transposeA), this.bool('adj_y', transposeB)],
      [a, b],
    );
  }

  gather(table: Tensor, indices: Tensor): Tensor {
    const attributes = [
      this.type('Tparams', table.dtype),
      this.type('Tindices', 'i32'),
      this.type('Taxis', 'i32'),
      this.int('batch_dims', 0),
    ];
    return this.run('GatherV2', attributes, [table, indices, this.intScalar(0)]);
  }

  crossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; gradient: Tensor } {
    const attributes = [this.type('T', logits.dtype), this.type('Tlabels', 'i32')];
    const [losses, gradient] = this.execute(
      'SparseSoftmaxCrossEntropyWithLogits',
      attributes,
      [logits, labels],
      2,
    );
    return { losses: losses!, gradient: gradient! };
  }

  // In place

  addRows(x: Tensor, rows: Tensor, indices?: Tensor): Tensor {
    if (indices && this.binding.isUsingGpuDevice()) return this.scatterAdd(x, rows, indices);
    return this.inPlace('InplaceAdd', x, rows, indices ?? this.range(0, rows.shape[0]!));
  }
  setRows(x: Tensor, rows: Tensor, begin: number): Tensor {
    return this.inPlace('InplaceUpdate', x, rows, this.range(begin, rows.shape[0]!));
  }

  /** The operation's output shares x's memory, so only x is kept. */
  private inPlace(name: string, x: Tensor, rows: Tensor, indices: Tensor): Tensor {
    this.arena(() => {
      this.run(name, [this.type('T', x.dtype)], [x, indices, rows]);
    });
    return x;
  }

  /** On a GPU, InplaceAdd loses some rows if indices repeat, because its threads do not wait for each other. */
  private scatterAdd(x: Tensor, rows: Tensor, indices: Tensor): Tensor {
    const attributes = [this.type('T', x.dtype), this.type('Tindices', 'i32')];
    const sum = this.arena(() =>
      this.run('TensorScatterAdd', attributes, [x, this.reshape(indices, [-1, 1]), rows]),
    );
    this.dispose(x);
    return sum;
  }

  private range(begin: number, count: number): Tensor {
    return this.tensor(
      Int32Array.from({ length: count }, (_, i) => begin + i),
      [count],
    );
  }

  // Calling the binding

  private execute(
    name: string,
    attributes: Attribute[],
    inputs: readonly Tensor[],
    outputs: number,
  ): TensorflowHandle[] {
    const ids = inputs.map((input) => this.handle(input).id);
    return this.binding
      .executeOp(name, attributes, ids, outputs)
      .map(({ id, shape, dtype }) =>
        this.made(new TensorflowHandle(this.binding, id, shape, dtypeNames[dtype]!)),
      );
  }

  private run(name: string, attributes: Attribute[], inputs: readonly Tensor[]): Tensor {
    return this.execute(name, attributes, inputs, 1)[0]!;
  }

  private unary(name: string, x: Tensor): Tensor {
    return this.run(name, [this.type('T', x.dtype)], [x]);
  }

  private binary(name: string, a: Tensor, b: Tensor | number): Tensor {
    return this.run(
      name,
      [this.type('T', a.dtype)],
      [a, typeof b === 'number' ? this.scalar(b, a.dtype) : b],
    );
  }

  private reduce(name: string, x: Tensor, axis: number, keep: boolean): Tensor {
    const attributes = [this.type('T', x.dtype), this.type('Tidx', 'i32'), this.bool('keep_dims', keep)];
    return this.run(name, attributes, [x, this.intScalar(axis)]);
  }

  private handle(x: Tensor): TensorflowHandle {
    const handle = x as TensorflowHandle;
    if (handle.disposed) throw new Error('A tensor was used after it was disposed.');
    return handle;
  }

  private type(name: string, dtype: DataType): Attribute {
    return { name, type: this.binding.TF_ATTR_TYPE, value: dtypeNumbers[dtype] };
  }
  private bool(name: string, value: boolean): Attribute {
    return { name, type: this.binding.TF_ATTR_BOOL, value };
  }
  private int(name: string, value: number): Attribute {
    return { name, type: this.binding.TF_ATTR_INT, value };
  }

  // Cached constants. Shapes and axes are few, but learning rates and mask offsets can be many, so the least recently
  // used is evicted; that is never one that the current operation has just requested.

  private ints = (values: readonly number[]) => this.constant(Int32Array.from(values), [values.length]);
  private floats = (values: readonly number[]) => this.constant(Float32Array.from(values), [values.length]);
  private intScalar = (value: number) => this.constant(Int32Array.of(value), []);
  private scalar = (value: number, dtype: DataType = 'f32') =>
    this.constant(Float32Array.of(value), [], dtype);

  private constant(data: Float32Array | Int32Array, shape: number[], dtype?: DataType): Tensor {
    const type = data instanceof Int32Array ? 'i32' : (dtype ?? 'f32');
    const key = `${type} ${shape.join()} ${data.join()}`;
    const known = this.constants.get(key);
    if (known) {
      this.constants.delete(key);
      this.constants.set(key, known);
      return known;
    }
    const id = this.binding.createTensor(shape, dtypeNumbers[type === 'bf16' ? 'f32' : type], data);
    let handle = new TensorflowHandle(this.binding, id, shape, type);
    if (type === 'bf16') {
      const types = [this.type('SrcT', 'f32'), this.type('DstT', 'bf16'), this.bool('Truncate', false)];
      const [cast] = this.binding.executeOp('Cast', types, [id], 1);
      handle.release();
      handle = new TensorflowHandle(this.binding, cast!.id, shape, type);
    }
    if (this.constants.size >= MAX_CONSTANTS) {
      const [oldest, unused] = this.constants.entries().next().value!;
      unused.release();
      this.constants.delete(oldest);
    }
    this.constants.set(key, handle);
    return handle;
  }
}

const MAX_CONSTANTS = 4096;
