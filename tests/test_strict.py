"""Models of TOML: unknown keys are errors, every fault is named with its place, nothing changes after loading."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from controllines.strict import Strict, model_of
from controllines.texts import TomlError


class Part(Strict):
    name: str


class Whole(Strict):
    number: int
    parts: tuple[Part, ...] = ()


def test_a_file_becomes_its_model() -> None:
    whole = model_of(Whole, '\ufeffnumber = 2\n[[parts]]\nname = "甲"\n'.encode())
    assert (whole.number, whole.parts[0].name) == (2, "甲")
    with pytest.raises(ValidationError, match="frozen"):
        whole.number = 3  # type: ignore[misc]


def test_every_fault_is_named_with_its_place() -> None:
    with pytest.raises(TomlError) as raised:
        model_of(Whole, '[[parts]]\nname = "甲"\nsize = 1\n[[parts]]\n'.encode())
    faults = str(raised.value).split("；")
    assert [fault.partition(":")[0] for fault in faults] == ["number", "parts.0.size", "parts.1.name"]


def test_what_is_no_toml_is_told_as_such() -> None:
    with pytest.raises(TomlError, match="UTF-8"):
        model_of(Whole, 'name = "甲"'.encode("gbk"))
