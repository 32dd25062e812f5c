/** Numbers of a tensor, here or still on the backend: a whole model is never held twice to be written. */
export interface LazyValues {
  readonly length: number;
  read(): Promise<Float32Array>;
}
export type Values = Float32Array | LazyValues;

export async function readValues(values: Values): Promise<Float32Array> {
  return values instanceof Float32Array ? values : await values.read();
}
