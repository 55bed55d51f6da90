"""Reading (读取): one small adapter per format; each gives a frame plus what the file said about itself."""

from controllines.io.files import find_files
from controllines.io.reading import read
from controllines.io.source import DEFAULT_LIMITS, Limits, Source

__all__ = ["DEFAULT_LIMITS", "Limits", "Source", "find_files", "read"]
