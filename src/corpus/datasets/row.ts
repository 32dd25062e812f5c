/** A row, or what is wrong with it. `columns`: all columns of the data set, including those that were not read. */
export type Row =
  | { number: number; columns: readonly string[]; values: Record<string, unknown> }
  | { number: number; problem: string };
