"""The public names: what the contract lists and nothing that does not work yet; importing costs nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing

import pytest

import controllines as cl

#: contract.md, "Façade"; what later issues bring is absent until then.
FACADE = {
    "open_plan", "read_layer", "read_parcels", "prepare", "check", "tabulate", "inspect_plan", "compare_plans",
    "official_area", "raster_areas", "audit_figures", "write_report", "write_table", "plot", "explore", "run", "Job",
    "CheckOptions", "EdgeRule", "Plan", "Layer", "CheckResult", "AreaTable", "Finding",
}  # fmt: skip
NOW = {"open_plan", "read_layer", "read_parcels", "check", "tabulate", "official_area", "write_report", "write_table",
       "run", "Job", "CheckOptions", "EdgeRule", "Plan", "Layer", "CheckResult", "AreaTable", "Finding"}  # fmt: skip
ERRORS = {"ControlLinesError", "InputError", "CRSError", "GeometryError", "PlanError", "OutputError", "UsageError"}


@pytest.mark.parametrize("name", sorted(cl.__all__))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(cl, name)
    if name != "__version__":
        assert inspect.getdoc(thing)
        assert thing.__module__.startswith("controllines.")


def test_what_the_first_version_promises_is_there() -> None:
    assert set(cl.__all__) >= NOW | ERRORS


def test_nothing_of_the_facade_is_a_stub() -> None:
    """A name of the contract is either exported or unknown; there are no functions that only say "later"."""
    for name in FACADE - set(cl.__all__):
        with pytest.raises(AttributeError, match=name):
            getattr(cl, name)


def test_unknown_names_and_dir() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'verdict'"):
        cl.verdict  # noqa: B018
    assert dir(cl) == sorted(cl.__all__)


def test_signature_of_official_area() -> None:
    parameters = inspect.signature(cl.official_area).parameters
    assert list(parameters)[:3] == ["geoms", "crs", "rule"]
    assert parameters["crs"].default is None
    assert parameters["rule"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["rule"].default == cl.EdgeRule(70.0)


def test_importing_the_package_loads_no_heavy_library() -> None:
    heavy = {"pandas", "geopandas", "shapely", "numpy", "pyproj", "typer"}
    code = f"import sys, controllines; print(sorted({{m.split('.')[0] for m in sys.modules}} & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_loads_nothing_that_was_not_asked_for() -> None:
    """Pictures, forms, sheets to read, maps and progress bars are loaded where they are wanted."""
    heavy = {"matplotlib", "docx", "docxtpl", "openpyxl", "rasterio", "exactextract", "rich", "jinja2", "jsonschema_rs"}
    code = (
        "import sys, controllines.cli, controllines.pipeline; "
        f"print(sorted({{m.split('.')[0] for m in sys.modules}} & {heavy!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_type_checkers_see_the_same_names() -> None:
    """The names under TYPE_CHECKING, the lazy table and __all__ must not drift apart."""
    from controllines import _HOMES

    source = inspect.getsource(cl)
    assert set(_HOMES) == set(cl.__all__) - {"__version__"}
    for name in _HOMES:
        assert source.count(name) >= 3, name
    assert typing.TYPE_CHECKING is False
