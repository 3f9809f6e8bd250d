"""Reads the Parquet files of a folder with pyarrow.

Argument: the folder. Prints an object with the name of each file, without its ending: the `types` of
its columns, its `rows`, its `manifest`, and how many rows each of its row `groups` has. Times are
printed as our JSON has them.
"""

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as parquet


def shown(value):
    """Returns a value as JSON has it."""
    if not isinstance(value, datetime):
        return value
    value = value.astimezone(timezone.utc)
    return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"


found = {}
for path in sorted(Path(sys.argv[1]).glob("*.parquet")):
    file = parquet.ParquetFile(path)
    table = file.read()
    rows = [{name: shown(value) for name, value in row.items()} for row in table.to_pylist()]
    metadata = file.metadata
    found[path.stem] = {
        "types": {field.name: str(field.type) for field in table.schema},
        "rows": rows,
        "manifest": json.loads(metadata.metadata[b"qlik_roster.manifest"]),
        "groups": [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)],
    }
print(json.dumps(found))
