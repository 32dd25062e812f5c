/** SwiGLU: y = silu(gate) up, where a row of gateUp [rows, 2 width] is the gate followed by up. */
import { elementwise } from '../kernel.ts';

export const swiglu = elementwise(
  { name: 'swiglu', reads: { gateUp: 'f32' }, writes: { y: 'f32' }, numbers: { width: 'u32' } },
  `  let at = i + (i / p.width) * p.width;
  let gate = gateUp[at];
  y[i] = gate / (1.0 + exp(-gate)) * gateUp[at + p.width];`,
);

/** silu'(g) = s + g s (1 - s), with s = sigmoid(g). Element i of dy yields one element of each half. */
export const swigluGradient = elementwise(
  {
    name: 'swigluGradient',
    reads: { gateUp: 'f32', dy: 'f32' },
    writes: { dGateUp: 'f32' },
    numbers: { width: 'u32' },
  },
  `  let at = i + (i / p.width) * p.width;
  let gate = gateUp[at];
  let s = 1.0 / (1.0 + exp(-gate));
  let silu = gate * s;
  dGateUp[at] = dy[i] * gateUp[at + p.width] * (s + silu - silu * s);
  dGateUp[at + p.width] = dy[i] * silu;`,
);
