/** Gathers and scatter-adds rows of a table. `first`: first row of the bound part. */
import { elementwise, rowwise } from '../kernel.ts';

/** y[r] = table[indices[r]] for rows in the bound part of the table; other rows of y stay unchanged. */
export const gather = elementwise(
  {
    name: 'gather',
    reads: { table: 'u32', indices: 'i32' },
    writes: { y: 'u32' },
    numbers: { width: 'u32', first: 'u32', tableRows: 'u32' },
  },
  `  let row = u32(indices[i / p.width]) - p.first;
  if (row < p.tableRows) { y[i] = table[row * p.width + i % p.width]; }`,
);

/**
 * table[indices[r]] += parts[r]. The workgroup of an index's first row adds all rows with that index in order, so the
 * result is deterministic.
 */
export const addAt = rowwise(
  {
    name: 'addAt',
    reads: { parts: 'f32', indices: 'i32' },
    writes: { table: 'f32' },
    numbers: { width: 'u32', first: 'u32', tableRows: 'u32' },
  },
  64,
  `  let index = indices[row];
  for (var r = 0u; r < row; r++) {
    if (indices[r] == index) { return; }
  }
  let at = u32(index) - p.first;
  if (at >= p.tableRows) { return; }
  for (var r = row; r < p.rows; r++) {
    if (indices[r] != index) { continue; }
    for (var j = lane; j < p.width; j += LANES) { table[at * p.width + j] += parts[r * p.width + j]; }
  }`,
);
