"""Versions (版本) of this package and of the engines it stands on."""

from __future__ import annotations

import platform

from controllines import __version__


def versions() -> dict[str, str]:
    """Return the versions of everything that can change a number."""
    import numpy as np
    import pandas as pd
    import pyogrio
    import pyproj
    import shapely

    return {
        "controllines": __version__,
        "python": platform.python_version(),
        "shapely": shapely.__version__,
        "geos": shapely.geos_version_string,
        "pyproj": pyproj.__version__,
        "proj": pyproj.proj_version_str,
        "pyogrio": pyogrio.__version__,
        "gdal": pyogrio.__gdal_version_string__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
