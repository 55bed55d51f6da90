"""Every file of the real and the broken collections: described in lines, or refused with a code."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllines.describe import describe
from controllines.errors import ControlLinesError
from controllines.findings import catalogue

#: Folder -> files that are described, files that are refused (texts about the data among them). Pinned, so that a
#: reader that begins to refuse, or to let in, is noticed.
FOLDERS = {
    "bad_geojson_chrieke": (60, 16),
    "gpkg_samples": (2, 2),
    "vec_pyogrio_fixtures": (6, 5),
    "vec_fiona_fixtures": (11, 5),
    "cn_shp_gbk_geotools": (1, 1),
    "cn_shp_utf8_nocpg_noprj": (2, 1),
    "derived_cn_fixtures": (2, 1),
    "eu_fiboa_parcels": (32, 20),
    "ch_oereb_pyramid": (0, 84),  # json that is no GeoJSON
}
#: Parts of a shapefile that are not asked for by themselves.
_PARTS = (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".md")  # .md: about the data


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix == ".gdb" or path.is_file()]
    return sorted(p for p in found if p.suffix not in _PARTS and not any(up.suffix == ".gdb" for up in p.parents))


def _outcome(path: Path) -> str:
    """Return ``lines``, or the code of the error; anything else is let out."""
    try:
        lines = list(describe(path))
    except ControlLinesError as error:
        problem = error.finding
    else:
        problem = None
    if problem is not None:
        assert problem.code in catalogue()
        assert problem.fix
        return problem.code
    assert lines[0].startswith(str(path))
    assert len(lines) > 4
    return "lines"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_described_or_refused(folder: str, shared: Path) -> None:
    outcomes = {str(path.relative_to(shared)): _outcome(path) for path in _files(shared / "data" / folder)}
    described = sum(code == "lines" for code in outcomes.values())
    assert (described, len(outcomes) - described) == FOLDERS[folder], outcomes
