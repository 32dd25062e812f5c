/**
 * What a kernel is: WGSL with its buffers and its numbers declared. The declarations are written out here, so that a
 * kernel's own text is only what it computes. There are two shapes: a thread for each element, and a workgroup for each
 * row. In both, the numbers are `p.name`.
 */

/** The type of a buffer's elements. Copies use u32: as floats, small integers would count as zero. */
export type ElementType = 'f32' | 'i32' | 'u32';
/** `axes`: sizes and strides of up to MAX_AXES axes. It must come first. */
export type NumberType = 'u32' | 'i32' | 'f32' | 'axes';

export interface KernelSpec {
  name: string;
  reads?: Readonly<Record<string, ElementType>>;
  /** May be read, too. */
  writes: Readonly<Record<string, ElementType>>;
  numbers: Readonly<Record<string, NumberType>>;
  /** Functions and constants in front of the body. */
  also?: string;
  /** Features of the device that it needs. */
  enables?: readonly Feature[];
}

/** Features by their names in WGSL; `features` has those in WebGPU. */
export type Feature = 'f16' | 'subgroups';
export const features: Readonly<Record<Feature, GPUFeatureName>> = {
  f16: 'shader-f16',
  subgroups: 'subgroups',
};

export interface Kernel {
  readonly name: string;
  readonly wgsl: string;
  /** In the order of their bindings; the numbers come last. */
  readonly buffers: readonly { name: string; writable: boolean }[];
  readonly numbers: readonly { name: string; type: NumberType }[];
  /** The same with subgroups, if that is another kernel. */
  readonly inSubgroups?: Kernel;
}

/** The most axes of a tensor, after those were merged that lie next to each other in memory. */
export const MAX_AXES = 6;
export const AXES_BYTES = MAX_AXES * 16;
/** Threads of a workgroup in kernels with a thread for each element. */
export const THREADS = 256;
/** Lowest finite float: the start of a maximum. */
export const LOWEST = '-3.40282346e38f';

/**
 * A kernel with a thread for each of `p.count` elements: `body` is run for element `i`. `numbers` gets `count` by
 * itself.
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
 * A kernel with a workgroup for each of `p.rows` rows: `body` is run for `row` by each `lane` of LANES. The functions
 * `total` and `largest` combine a number of every lane, and all lanes must call them.
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

/** Sums by halves, through workgroup memory. */
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

/** In subgroups, whose lanes lie side by side; only one number of each goes through workgroup memory. */
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

/** A kernel in two versions, of which `Gpu` takes the one in subgroups where they work. */
export function withSubgroups(make: (inSubgroups: boolean) => Kernel): Kernel {
  const inSubgroups = make(true);
  return { ...make(false), inSubgroups: { ...inSubgroups, name: `${inSubgroups.name} in subgroups` } };
}

/** Lanes for rows of this width: more would idle, fewer would take longer. */
export const lanesFor = (width: number): number => (width <= 1024 ? 64 : 256);

/** A kernel whose `main` is given as a whole. */
export function kernel(
  { name, reads = {}, writes, numbers, also = '', enables = [] }: KernelSpec,
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

/** Remembers what `make` returns for each key, so that a variant of a kernel is written out once. */
export function variants<K extends string | number | boolean>(make: (key: K) => Kernel): (key: K) => Kernel {
  const known = new Map<K, Kernel>();
  return (key) => {
    const kernel = known.get(key) ?? make(key);
    known.set(key, kernel);
    return kernel;
  };
}
