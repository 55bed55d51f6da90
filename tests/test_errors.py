"""Errors: one family, each with its finding, whole on the other side of a process border."""

import pickle

import pytest

from controllines import errors
from controllines.errors import (
    ControlLinesError,
    CRSError,
    GeometryError,
    InputError,
    OutputError,
    PlanError,
    UsageError,
)
from controllines.findings import finding


@pytest.mark.parametrize("kind", [UsageError, InputError, PlanError, OutputError])
def test_one_family(kind):
    assert issubclass(kind, ControlLinesError)


def test_who_catches_input_errors_catches_those_of_systems_and_shapes():
    assert issubclass(CRSError, InputError)
    assert issubclass(GeometryError, InputError)
    assert not issubclass(PlanError, InputError)  # a broken plan is no fault of an application


def test_errors_carry_their_finding_and_survive_a_process_border():
    error = CRSError.of("CRS_MISSING", source="a.shp", hint="")
    assert isinstance(error, InputError)
    assert str(error) == str(error.finding)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is CRSError
    assert again.finding == error.finding


def test_causes_come_along():
    causes = (finding("FILE_EMPTY", source="a.txt"), finding("FILE_EMPTY", source="b.txt"))
    error = InputError(finding("NOTHING_CHECKED", actual=2, hint=""), causes)
    again = pickle.loads(pickle.dumps(error))
    assert again.causes == causes
    assert InputError.of("FILE_EMPTY", source="a.txt").causes == ()


def test_a_code_that_is_in_no_catalogue_cannot_be_raised():
    with pytest.raises(KeyError, match="NO_SUCH_CODE"):
        InputError.of("NO_SUCH_CODE")


def test_a_failure_of_the_system_names_its_file(tmp_path):
    with pytest.raises(OSError, match=r"表\.xlsx") as caught:
        (tmp_path / "无" / "表.xlsx").write_bytes(b"")
    assert errors.reason(caught.value) == f"表.xlsx：{caught.value.strerror}"
    assert errors.reason(OSError(28, "No space left on device")) == "No space left on device"
    assert errors.reason(ValueError("odd")) == "odd"
    assert errors.reason(ValueError()) == "ValueError"


def test_a_path_too_long_for_windows_is_told_as_that(monkeypatch):
    """Windows says that it does not exist."""
    error = FileNotFoundError(2, "No such file or directory", f"D:/{'长' * 260}/表.xlsx")
    monkeypatch.setattr(errors, "_WINDOWS", False)
    assert "个字符" not in errors.reason(error)
    monkeypatch.setattr(errors, "_WINDOWS", True)
    assert "路径有 270 个字符，Windows 缺省不超过 260 个" in errors.reason(error)
