"""Compares two training sets by their bits: `compare.py NAME ONE.parquet OTHER.parquet`. Ends with 1 where a value differs.

Columns must have the same names and types, in whatever order, and the same rows in the same order. A null equals a null alone; a float64
equals one of the same bits.
"""

import sys

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet


def bits(column):
    """Something that is equal where all bits are; nulls are told apart by themselves."""
    if pyarrow.types.is_floating(column.type):
        return column.fill_null(0.0).to_numpy(zero_copy_only=False).view(numpy.int64)
    if pyarrow.types.is_list(column.type):
        return numpy.array([None if row is None else numpy.array(row).tobytes() for row in column.to_pylist()], dtype=object)
    return numpy.array(column.to_pylist(), dtype=object)


def differences(one, other):
    nulls = [column.is_null().to_numpy(zero_copy_only=False) for column in (one, other)]
    return (nulls[0] != nulls[1]) | (~nulls[0] & (bits(one) != bits(other)))


def main(name, one, other, features_of_spine):
    one, other = pyarrow.parquet.read_table(one), pyarrow.parquet.read_table(other)
    if sorted(one.column_names) != sorted(other.column_names) or one.num_rows != other.num_rows:
        only = sorted(set(one.column_names) ^ set(other.column_names))
        sys.exit(f"{name}: {one.num_rows} and {other.num_rows} rows; only one has the columns {only}")
    differ = values = nulls = 0
    for feature in one.column_names:
        left, right = one[feature].combine_chunks(), other[feature].combine_chunks()
        if left.type != right.type:
            sys.exit(f"{name}: {feature} is {left.type} and {right.type}")
        if feature in features_of_spine:
            assert not differences(left, right).any(), f"{name}: the rows are not the same"
            continue
        wrong = numpy.flatnonzero(differences(left, right))
        values, nulls, differ = values + len(left), nulls + left.null_count, differ + len(wrong)
        if left.null_count == len(left) or pyarrow.compute.count_distinct(left.cast(pyarrow.string()) if not pyarrow.types.is_list(left.type) else left.value_lengths()).as_py() < 2:
            sys.exit(f"{name}: {feature} is the same in all rows, which proves nothing")
        for row in wrong[:3]:
            keys = {key: one[key][int(row)].as_py() for key in features_of_spine}
            print(f"{name}: {feature} is {left[int(row)]} and {right[int(row)]} in row {row}, {keys}; {len(wrong):,} rows differ")
    features = len(one.column_names) - len(features_of_spine)
    print(f"{name}: {one.num_rows:,} rows x {features} features = {values:,} values ({nulls:,} null): {differ:,} differ")
    return differ


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(",")) else 0)
