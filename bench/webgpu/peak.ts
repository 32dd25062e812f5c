/** Measures the adapter's peak FLOP/s: multiply-adds in registers, without memory access. */

const LANES = 256;
/** Independent chains of multiply-adds on vectors of four, per iteration of the loop. */
const CHAINS = 8;
const OPERATIONS = CHAINS * 4 * 2;

const shader = (turns: number) => `
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(f32(id.x) * 1e-9 + 0.999);
  let b = vec4f(1e-3);
${each((i) => `  var x${i} = vec4f(${i}.0);`)}
  for (var turn = 0u; turn < ${turns}u; turn += 1u) {
${each((i) => `    x${i} = fma(x${i}, a, b);`)}
  }
  let sum = ${Array.from({ length: CHAINS }, (_, i) => `x${i}`).join(' + ')};
  out[id.x] = sum.x + sum.y + sum.z + sum.w;
}`;

const each = (line: (i: number) => string) => Array.from({ length: CHAINS }, (_, i) => line(i)).join('\n');

/** Floating-point operations per second in f32. Takes about a second. */
export async function measurePeak(device: GPUDevice): Promise<number> {
  let best = 0;
  const end = performance.now() + 1000;
  // Grow until a dispatch takes long enough to outweigh its overhead.
  for (let turns = 64, groups = 256; performance.now() < end;) {
    const seconds = await timed(device, turns, groups);
    best = Math.max(best, (groups * LANES * turns * OPERATIONS) / seconds);
    if (seconds > 0.1) continue;
    if (turns < 4096) turns *= 4;
    else if (groups < 16_384) groups *= 4;
  }
  return best;
}

async function timed(device: GPUDevice, turns: number, groups: number): Promise<number> {
  const module = device.createShaderModule({ code: shader(turns) });
  const compute = { module, entryPoint: 'main' };
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute });
  const buffer = device.createBuffer({ size: groups * LANES * 4, usage: GPUBufferUsage.STORAGE });
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  let best = Infinity;
  // The first one may still compile.
  for (let i = 0; i < 2; i += 1) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(groups);
    pass.end();
    const startedAt = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    best = Math.min(best, (performance.now() - startedAt) / 1000);
  }
  buffer.destroy();
  return best;
}
