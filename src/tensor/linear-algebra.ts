/**
 * Matrix factorisations in double precision, in plain TypeScript: for backends without their own, and for small
 * matrices. Matrices are row-major.
 */

/**
 * The min(rows, columns) singular values of x [rows, columns], largest first; those below 1e-8 of the largest are
 * noise. Throws like symmetricEigenvalues.
 */
export function singularValues(x: Float32Array, rows: number, columns: number): Float64Array {
  const wide = rows <= columns;
  const [small, large] = wide ? [rows, columns] : [columns, rows];
  const gram = gramMatrix(wide ? x : transposed(x, rows, columns), small, large);
  return symmetricEigenvalues(gram, small).map((value) => Math.sqrt(Math.max(0, value)));
}

/** The singular values of each matrix of x [..., rows, columns], one after the other. */
export function singularValuesOf(x: Float32Array, shape: readonly number[]): Float32Array {
  const [rows, columns] = shape.slice(-2) as [number, number];
  const matrices = Array.from({ length: x.length / (rows * columns) }, (_, i) =>
    x.subarray(i * rows * columns, (i + 1) * rows * columns),
  );
  return Float32Array.from(matrices.flatMap((matrix) => Array.from(singularValues(matrix, rows, columns))));
}

function transposed(x: Float32Array, rows: number, columns: number): Float32Array {
  const y = new Float32Array(x.length);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) y[column * rows + row] = x[row * columns + column]!;
  return y;
}

/** The lower triangle of x xT [rows, rows]. Products of two floats are exact in double precision. */
function gramMatrix(x: Float32Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j <= i; j += 1) {
      let sum = 0;
      for (let k = 0, a = i * columns, b = j * columns; k < columns; k += 1) sum += x[a + k]! * x[b + k]!;
      gram[i * rows + j] = sum;
    }
  return gram;
}

/**
 * Eigenvalues of a symmetric matrix [size, size], largest first. Reads and overwrites its lower triangle. Throws an
 * Error if they do not converge.
 */
export function symmetricEigenvalues(matrix: Float64Array, size: number): Float64Array {
  const { diagonal, offDiagonal } = tridiagonal(matrix, size);
  return diagonaliseTridiagonal(diagonal, offDiagonal).sort().reverse();
}

interface Tridiagonal {
  diagonal: Float64Array;
  /** offDiagonal[i] couples i and i + 1; the last entry is 0. */
  offDiagonal: Float64Array;
}

/** Householder reduction from the last row up (Golub and Van Loan 8.3.1); each round computes A - u wT - w uT. */
function tridiagonal(a: Float64Array, size: number): Tridiagonal {
  const diagonal = new Float64Array(size);
  const offDiagonal = new Float64Array(size);
  const w = new Float64Array(size);
  for (let i = size - 1; i >= 1; i -= 1) {
    const u = a.subarray(i * size, i * size + i);
    diagonal[i] = a[i * size + i]!;
    const { pivot, half } = reflector(u, i - 1);
    offDiagonal[i - 1] = pivot;
    if (half === 0) continue;
    multiplySymmetric(a, size, u, w);
    let dot = 0;
    for (let k = 0; k < i; k += 1) dot += (w[k] = w[k]! / half) * u[k]!;
    for (let k = 0; k < i; k += 1) w[k] = w[k]! - (dot / (2 * half)) * u[k]!;
    for (let j = 0; j < i; j += 1) {
      const [uj, wj] = [u[j]!, w[j]!];
      for (let k = 0, row = j * size; k <= j; k += 1) a[row + k]! -= uj * w[k]! + wj * u[k]!;
    }
  }
  if (size > 0) diagonal[0] = a[0]!;
  return { diagonal, offDiagonal };
}

/**
 * Overwrites x with the vector u of the reflection I - u uT / half that maps x to `pivot` at index `at` and zeros
 * elsewhere; `half` is 0 if x already has that form.
 */
function reflector(x: Float64Array, at: number): { pivot: number; half: number } {
  let rest = 0;
  for (let i = 0; i < x.length; i += 1) if (i !== at) rest += x[i]! ** 2;
  const head = x[at]!;
  if (rest === 0) return { pivot: head, half: 0 };
  const squares = rest + head * head;
  const pivot = head >= 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  x[at] = head - pivot;
  return { pivot, half: squares - head * pivot };
}

/** product = A u with A's leading block as large as u; reads only A's lower triangle, row by row. */
function multiplySymmetric(a: Float64Array, size: number, u: Float64Array, product: Float64Array): void {
  product.fill(0, 0, u.length);
  for (let j = 0; j < u.length; j += 1) {
    const uj = u[j]!;
    const row = j * size;
    let sum = a[row + j]! * uj;
    for (let k = 0; k < j; k += 1) {
      const value = a[row + k]!;
      sum += value * u[k]!;
      product[k]! += value * uj;
    }
    product[j]! += sum;
  }
}

/** Iteration limit; an eigenvalue takes two or three. */
const MAX_ITERATIONS = 60;

/** Implicit QL with Wilkinson shifts (EISPACK's imtql1); overwrites d and e. Throws if it does not converge. */
function diagonaliseTridiagonal(d: Float64Array, e: Float64Array): Float64Array {
  for (let low = 0; low < d.length; low += 1) {
    for (let turn = 0; ; turn += 1) {
      const high = blockEnd(d, e, low);
      if (high === low) break;
      if (turn === MAX_ITERATIONS) throw new Error('The eigenvalues do not converge.');
      qlSweep(d, e, low, high);
    }
  }
  return d;
}

/** The last index of the block that begins at `low` and is not coupled to the rest. */
function blockEnd(d: Float64Array, e: Float64Array, low: number): number {
  let at = low;
  while (at < d.length - 1 && Math.abs(e[at]!) > Number.EPSILON * (Math.abs(d[at]!) + Math.abs(d[at + 1]!)))
    at += 1;
  return at;
}

function qlSweep(d: Float64Array, e: Float64Array, low: number, high: number): void {
  const slope = (d[low + 1]! - d[low]!) / (2 * e[low]!);
  const root = Math.sqrt(slope * slope + 1);
  let g = d[high]! - d[low]! + e[low]! / (slope + (slope >= 0 ? root : -root));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = high - 1; i >= low; i -= 1) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const radius = Math.sqrt(f * f + g * g);
    e[i + 1] = radius;
    if (radius === 0) {
      d[i + 1]! -= shift;
      e[high] = 0;
      return;
    }
    sine = f / radius;
    cosine = g / radius;
    g = d[i + 1]! - shift;
    const step = (d[i]! - g) * sine + 2 * cosine * b;
    shift = sine * step;
    d[i + 1] = g + shift;
    g = cosine * step - b;
  }
  d[low]! -= shift;
  e[low] = g;
  e[high] = 0;
}

/**
 * R of X = Q R by Householder reflections: upper triangular, [min(rows, columns), columns]. X is given as columns,
 * which are overwritten.
 */
export function triangularFactor(columns: readonly Float64Array[]): Float64Array {
  const width = columns.length;
  const height = Math.min(columns[0]!.length, width);
  const factor = new Float64Array(height * width);
  for (let k = 0; k < height; k += 1) {
    const u = columns[k]!.subarray(k);
    const { pivot, half } = reflector(u, 0);
    factor[k * width + k] = pivot;
    for (let column = k + 1; column < width; column += 1) {
      const x = columns[column]!.subarray(k);
      if (half > 0) reflect(x, u, half);
      factor[k * width + column] = x[0]!;
    }
  }
  return factor;
}

function reflect(x: Float64Array, u: Float64Array, half: number): void {
  let dot = 0;
  for (let i = 0; i < x.length; i += 1) dot += x[i]! * u[i]!;
  const by = dot / half;
  for (let i = 0; i < x.length; i += 1) x[i]! -= by * u[i]!;
}
