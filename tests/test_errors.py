"""Errors: one family, each with its finding, whole on the other side of a process border."""

import pickle

import pytest

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
