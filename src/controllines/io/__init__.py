"""Reading (读取): one small adapter per format; each gives a frame plus what the file said about itself."""

from controllines.io.files import as_written, find_files, stem
from controllines.io.postgis import Address, address, is_address, tables
from controllines.io.reading import read, read_sheets
from controllines.io.source import DEFAULT_LIMITS, Limits, Source

__all__ = [
    "DEFAULT_LIMITS",
    "Address",
    "Limits",
    "Source",
    "address",
    "as_written",
    "find_files",
    "is_address",
    "read",
    "read_sheets",
    "stem",
    "tables",
]
