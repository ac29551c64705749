"""A data set ten times as large: `repeat.py IN OUT [TIMES]` copies the events and the spine of folder IN to folder OUT, each time
with other customers, row group by row group."""
import os, sys
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq

source, target, times = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10
os.makedirs(target, exist_ok=True)
for name in ("events", "spine"):
    read = pq.ParquetFile(f"{source}/{name}.parquet")
    with pq.ParquetWriter(f"{target}/{name}.parquet", read.schema_arrow, compression="snappy") as write:
        for turn in range(times):
            for group in range(read.num_row_groups):
                table = read.read_row_group(group)
                shifted = pc.binary_join_element_wise(table["customer_id"], str(turn), "")
                write.write_table(table.set_column(table.schema.get_field_index("customer_id"), "customer_id", shifted), row_group_size=122_880)
