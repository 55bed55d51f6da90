"""Writing (写出): one small writer per format; each takes sheets that fit it and writes one file."""

from controllines.io.writers.sheet import DEFAULT_HEADER, Format, Header, Sheet, format_of, suffixes
from controllines.io.writers.writing import write

__all__ = ["DEFAULT_HEADER", "Format", "Header", "Sheet", "format_of", "suffixes", "write"]
