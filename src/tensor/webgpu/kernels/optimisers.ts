/** Optimiser steps, elementwise and in place. */
import { elementwise, type KernelSpec } from '../kernel.ts';

const numbers: KernelSpec['numbers'] = {
  learningRate: 'f32',
  beta1: 'f32',
  beta2: 'f32',
  gradientScale: 'f32',
  /** Factor of weight decay: 1 - learningRate x weightDecay. */
  kept: 'f32',
};

/** value - rate (decay value + m^ / (sqrt(v^) + epsilon)). `inverse1`: 1 / (1 - beta1^step), likewise `inverse2`. */
export const adamw = elementwise(
  {
    name: 'adamw',
    reads: { gradient: 'f32' },
    writes: { value: 'f32', first: 'f32', second: 'f32' },
    numbers: { ...numbers, epsilon: 'f32', inverse1: 'f32', inverse2: 'f32' },
  },
  `  let g = gradient[i] * p.gradientScale;
  let m = first[i] * p.beta1 + g * (1.0 - p.beta1);
  let v = second[i] * p.beta2 + g * g * (1.0 - p.beta2);
  first[i] = m;
  second[i] = v;
  value[i] = value[i] * p.kept - p.learningRate * p.inverse1 * m / (sqrt(v * p.inverse2) + p.epsilon);`,
);

/** value - rate (decay value + sign(beta1 m + (1 - beta1) g)), then m = beta2 m + (1 - beta2) g. */
export const lionw = elementwise(
  {
    name: 'lionw',
    reads: { gradient: 'f32' },
    writes: { value: 'f32', first: 'f32' },
    numbers,
  },
  `  let g = gradient[i] * p.gradientScale;
  let m = first[i];
  value[i] = value[i] * p.kept - p.learningRate * sign(m * p.beta1 + g * (1.0 - p.beta1));
  first[i] = m * p.beta2 + g * (1.0 - p.beta2);`,
);
