/**
 * Kernels: WGSL with declared buffers and parameters. The declarations are generated here, so that a kernel's source is
 * only its computation. There are two kinds: a thread for each element, and a workgroup for each row. Both access
 * parameters as `p.name`.
 */

/** The type of a buffer's elements. Copies use u32, because small integers read as floats would be flushed to zero. */
type ElementType = 'f32' | 'i32' | 'u32';
/** `axes`: sizes and strides of up to MAX_AXES axes; must come first. */
type NumberType = 'u32' | 'i32' | 'f32' | 'axes';

export interface KernelSpec {
  name: string;
  reads?: Readonly<Record<string, ElementType>>;
  /** May also be read. */
  writes: Readonly<Record<string, ElementType>>;
  numbers: Readonly<Record<string, NumberType>>;
  /** Functions and constants before the body. */
  preamble?: string;
  /** Device features that it needs. */
  enables?: readonly Feature[];
}

/** Features by their WGSL names; `features` maps them to WebGPU's. */
export type Feature = 'f16' | 'subgroups';
export const features: Readonly<Record<Feature, GPUFeatureName>> = {
  f16: 'shader-f16',
  subgroups: 'subgroups',
};

export interface Kernel {
  readonly name: string;
  readonly wgsl: string;
  /** In binding order; the parameters come last. */
  readonly buffers: readonly { name: string; writable: boolean }[];
  readonly numbers: readonly { name: string; type: NumberType }[];
  /** The version with subgroups, if there is one. */
  readonly inSubgroups?: Kernel;
}

/** Maximum number of axes, after axes that are adjacent in memory were merged. */
export const MAX_AXES = 6;
export const AXES_BYTES = MAX_AXES * 16;
/** Workgroup size of elementwise kernels. */
export const THREADS = 256;
/** Lowest finite float: the initial value of a maximum. */
export const LOWEST = '-3.40282346e38f';

/**
 * A kernel with a thread for each of `p.count` elements: `body` runs for element `i`. `count` is added to `numbers`.
 */
export function elementwise(spec: KernelSpec, body: string): Kernel {
  const { axes, ...numbers } = spec.numbers;
  return kernel(
    { ...spec, numbers: { ...(axes && { axes }), count: 'u32', ...numbers } },
    `
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * ${THREADS}u + id.x;
  if (i >= p.count) { return; }
${body}
}`,
  );
}

/**
 * A kernel with a workgroup for each of `p.rows` rows: each `lane` of LANES runs `body` for `row`. The functions
 * `total` and `largest` reduce one value per lane; all lanes must call them.
 */
export const rowwise = (spec: KernelSpec, lanes: number, body: string): Kernel =>
  withSubgroups((inSubgroups) =>
    kernel(
      {
        ...spec,
        numbers: { ...spec.numbers, rows: 'u32' },
        enables: inSubgroups ? ['subgroups'] : [],
      },
      `
const LANES = ${lanes}u;
const LOWEST = ${LOWEST};
var<workgroup> slots: array<f32, LANES>;
${inSubgroups ? SUBGROUP_SUMS : SUMS}
@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
${inSubgroups ? SUBGROUP_BUILTIN : ''}
) {
${inSubgroups ? '  subgroupSize = size;' : ''}
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
${body}
}`,
    ),
  );

/** Tree reduction through workgroup memory. */
const SUMS = `
fn total(lane: u32, value: f32) -> f32 {
  slots[lane] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if (lane < step) { slots[lane] += slots[lane + step]; }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&slots[0]);
}

fn largest(lane: u32, value: f32) -> f32 {
  slots[lane] = value;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if (lane < step) { slots[lane] = max(slots[lane], slots[lane + step]); }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&slots[0]);
}
`;

/** Reduction within subgroups of adjacent lanes; only one value of each goes through workgroup memory. */
const SUBGROUP_SUMS = `
var<private> subgroupSize: u32;

fn total(lane: u32, value: f32) -> f32 {
  let sum = subgroupAdd(value);
  if (lane % subgroupSize == 0u) { slots[lane / subgroupSize] = sum; }
  workgroupBarrier();
  if (lane == 0u) {
    var all = slots[0];
    for (var i = 1u; i < LANES / subgroupSize; i++) { all += slots[i]; }
    slots[0] = all;
  }
  return workgroupUniformLoad(&slots[0]);
}

fn largest(lane: u32, value: f32) -> f32 {
  let most = subgroupMax(value);
  if (lane % subgroupSize == 0u) { slots[lane / subgroupSize] = most; }
  workgroupBarrier();
  if (lane == 0u) {
    var all = slots[0];
    for (var i = 1u; i < LANES / subgroupSize; i++) { all = max(all, slots[i]); }
    slots[0] = all;
  }
  return workgroupUniformLoad(&slots[0]);
}
`;

/** A parameter of `main`. */
export const SUBGROUP_BUILTIN = '  @builtin(subgroup_size) size: u32,';

/** A kernel in two versions; `Gpu` runs the one with subgroups if these are enabled. */
export function withSubgroups(make: (inSubgroups: boolean) => Kernel): Kernel {
  const inSubgroups = make(true);
  return { ...make(false), inSubgroups: { ...inSubgroups, name: `${inSubgroups.name} in subgroups` } };
}

/** Lanes for rows of this width. */
export const lanesFor = (width: number): number => (width <= 1024 ? 64 : 256);

/** A kernel with a custom `main`. */
export function kernel(
  { name, reads = {}, writes, numbers, preamble: also = '', enables = [] }: KernelSpec,
  main: string,
): Kernel {
  const buffers = [
    ...Object.entries(reads).map(([name, type]) => ({ name, type, writable: false })),
    ...Object.entries(writes).map(([name, type]) => ({ name, type, writable: true })),
  ];
  const fields = Object.entries(numbers).map(([name, type]) => ({ name, type }));
  const declared = fields.map(
    ({ name, type }) => `  ${name}: ${type === 'axes' ? `array<vec4u, ${MAX_AXES}>` : type},`,
  );
  const bound = buffers.map(
    ({ name, type, writable }, i) =>
      `@group(0) @binding(${i}) var<storage, ${writable ? 'read_write' : 'read'}> ${name}: array<${type}>;`,
  );
  const wgsl = `${enables.map((extension) => `enable ${extension};\n`).join('')}struct Numbers {
${declared.join('\n')}
}
${bound.join('\n')}
@group(0) @binding(${buffers.length}) var<uniform> p: Numbers;
${also}${main}
`;
  return { name, wgsl, buffers, numbers: fields };
}

/** Memoises `make` by key, so that each variant of a kernel is generated only once. */
export function variants<K extends string | number | boolean>(make: (key: K) => Kernel): (key: K) => Kernel {
  const known = new Map<K, Kernel>();
  return (key) => {
    const kernel = known.get(key) ?? make(key);
    known.set(key, kernel);
    return kernel;
  };
}
