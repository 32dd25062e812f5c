/** A row, or what was wrong with it. `columns`: all that the data set has, which may be more than were read. */
export type Row =
  | { number: number; columns: readonly string[]; values: Record<string, unknown> }
  | { number: number; problem: string };
