"""Writes the Parquet files of the tests with Arrow, as used for those on the hub. Requires pyarrow."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent
rows = range(1, 26)
pairs = pa.table(
    {
        "instruction": [f"Question {n} – ünïcode" for n in rows],
        "response": [None if n == 7 else f"Answer {n}\n" * 3 for n in rows],
        "length": pa.array(rows, pa.int64()),
    }
)
pq.write_table(pairs, here / "pairs.parquet", compression="zstd", row_group_size=10, write_page_index=True)
chats = pa.table(
    {
        "id": [f"c{n}" for n in range(3)],
        "messages": [
            [{"role": "user", "content": f"Q{n}"}, {"role": "assistant", "content": f"A{n}"}] for n in range(3)
        ],
    }
)
pq.write_table(chats, here / "chats.parquet", compression="snappy", data_page_version="2.0")
pq.write_table(pa.table({"text": pa.array([], pa.string())}), here / "empty.parquet")
