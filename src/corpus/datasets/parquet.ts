/** Reads Parquet files, a slice of a row group at a time, and only the requested columns. */
import type { AsyncBuffer } from 'hyparquet';
import { openRegular } from '../../platform/files/regular-file.ts';
import type { Row } from './row.ts';

/** Uncompressed bytes of a slice. */
const SLICE = 32 << 20;

export async function* readParquet(
  path: string,
  { columns: requested }: { columns?: readonly string[] | undefined },
): AsyncGenerator<Row> {
  const handle = await openRegular(path);
  try {
    // Large, and rarely needed.
    const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    const file: AsyncBuffer = {
      byteLength: (await handle.stat()).size,
      async slice(start, end = file.byteLength) {
        const bytes = new Uint8Array(end - start);
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
        if (bytesRead < bytes.length) throw new Error('it is truncated');
        return bytes.buffer;
      },
    };
    const metadata = await parquetMetadataAsync(file);
    const all = parquetSchema(metadata).children.map(({ element }) => element.name);
    const available = requested && all.filter((name) => requested.includes(name));
    const columns = available?.length ? available : all;
    let groupStart = 0;
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows);
      const bytes = group.columns
        .filter(({ meta_data }) => columns.includes(meta_data?.path_in_schema[0] ?? ''))
        .reduce((sum, { meta_data }) => sum + Number(meta_data!.total_uncompressed_size), 0);
      const step = Math.max(1, Math.ceil(rows / Math.ceil(bytes / SLICE || 1)));
      for (let from = 0; from < rows; from += step) {
        const [rowStart, rowEnd] = [groupStart + from, groupStart + Math.min(rows, from + step)];
        const values = await parquetReadObjects({
          file,
          metadata,
          columns,
          compressors,
          rowStart,
          rowEnd,
          useOffsetIndex: true,
        });
        for (const [index, row] of values.entries())
          yield { number: rowStart + index + 1, columns: all, values: row };
      }
      groupStart += rows;
    }
  } finally {
    await handle.close();
  }
}
