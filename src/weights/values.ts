/** A tensor's values, read on demand, so that writing a model never needs a second copy in memory. */
export interface LazyValues {
  readonly length: number;
  read(): Promise<Float32Array>;
}
export type Values = Float32Array | LazyValues;

export async function readValues(values: Values): Promise<Float32Array> {
  return values instanceof Float32Array ? values : await values.read();
}
