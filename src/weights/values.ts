/** Values of a tensor, read on demand, so that writing never needs a second copy of the model in memory. */
export interface LazyValues {
  readonly length: number;
  read(): Promise<Float32Array>;
}
export type Values = Float32Array | LazyValues;

export async function readValues(values: Values): Promise<Float32Array> {
  return values instanceof Float32Array ? values : await values.read();
}
