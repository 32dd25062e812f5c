/** The MLP's activation functions. */
import type { Backend, Tensor } from '../tensor/backend.ts';
import { cast, f32, halves } from '../tensor/forms.ts';

export interface Activation {
  /** The concatenated outputs of gate and up [N, 2 w] (without a gate: [N, w]) -> the input of down [N, w]. */
  forward(b: Backend, gateUp: Tensor): Tensor;
  /** dProduct [N, w] -> the gradient, in the shape of gateUp */
  gradient(b: Backend, gateUp: Tensor, dProduct: Tensor): Tensor;
}

/** silu(gate) up */
const swiglu: Activation = {
  forward: (b, gateUp) => b.compound.swiglu(gateUp),
  gradient: (b, gateUp, dProduct) => b.compound.swigluGradient(gateUp, dProduct),
};

/** gelu(gate) up */
const geglu: Activation = {
  forward: (b, gateUp) =>
    b.arena(() => {
      const [gate, up] = halves(b, gateUp);
      return cast(b, b.mul(gelu(b, gate).y, up), gateUp.dtype);
    }),
  gradient: (b, gateUp, dProduct) =>
    b.arena(() => {
      const [gate, up] = halves(b, gateUp);
      const d = f32(b, dProduct);
      const { y, slope } = gelu(b, gate);
      const parts = [b.mul(b.mul(d, up), slope), b.mul(d, y)].map((part) => cast(b, part, gateUp.dtype));
      return b.concat(parts, 1);
    }),
};

/** gelu(up), without a gate */
const plainGelu: Activation = {
  forward: (b, up) => b.arena(() => cast(b, gelu(b, f32(b, up)).y, up.dtype)),
  gradient: (b, up, dProduct) =>
    b.arena(() => cast(b, b.mul(f32(b, dProduct), gelu(b, f32(b, up)).slope), up.dtype)),
};

export const activations = { swiglu, geglu, gelu: plainGelu };

/**
 * GELU of x f32 in its tanh approximation, and its derivative. Since 0.5 (1 + tanh(u)) = s = sigmoid(2u), with
 * u = sqrt(2 / pi) (x + 0.044715 x^3): y = x s, and y' = s + 2 u' y (1 - s).
 */
function gelu(b: Backend, x: Tensor): { y: Tensor; slope: Tensor } {
  const [first, third] = [2 * Math.sqrt(2 / Math.PI), 2 * Math.sqrt(2 / Math.PI) * 0.044715];
  return b.arena(() => {
    const square = b.square(x);
    const s = b.sigmoid(b.mul(x, b.add(b.mul(square, third), first)));
    const y = b.mul(x, s);
    const inner = b.add(b.mul(square, 3 * third), first);
    return { y, slope: b.add(s, b.mul(inner, b.sub(y, b.mul(y, s)))) };
  });
}
