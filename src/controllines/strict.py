"""Models of what stands in TOML (数据模型): unknown keys are errors, and nothing changes after loading."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from controllines.texts import TomlError, toml_of


class Strict(BaseModel):
    """A table of a TOML file, checked when it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Model = TypeVar("Model", bound=Strict)


def model_of(model: type[Model], content: bytes) -> Model:
    """Return a TOML file that somebody wrote by hand as its model.

    Raises
    ------
    TomlError
        It is no TOML, or keys and values are wrong: each with its place.
    """
    try:
        return model.model_validate(toml_of(content))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise TomlError("；".join(wrong)) from None
