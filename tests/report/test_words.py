"""The words of reports."""

from __future__ import annotations

import pytest

from controllines.findings import SEVERITIES
from controllines.report.model import OUTCOMES
from controllines.report.sentences import CLASSES
from controllines.report.words import clean, say, word, words


def test_clean_keeps_text_and_drops_what_no_document_carries():
    assert clean("响\x07铃\x00\x1b[31m\u202e反\ud800") == "响铃[31m反"
    assert clean(" a\r\n\tb ") == "a b"
    assert clean(None) == clean(float("nan")) == ""


def test_values_fill_a_text_and_are_no_templates_themselves() -> None:
    assert say("titles", "some", lines="{0}{x}") == "{0}{x}套合核对"
    with pytest.raises(KeyError):
        say("titles", "nothing")


def test_a_key_of_a_later_version_stands_for_itself() -> None:
    assert word("flags", "sliver") == "细碎重叠"
    assert word("flags", "of_a_later_version") == "of_a_later_version"


def test_every_outcome_class_status_and_severity_has_its_word() -> None:
    for section, keys in (("outcome", OUTCOMES), ("classes", CLASSES), ("status", ("checked", "excluded")),
                          ("severity", SEVERITIES)):  # fmt: skip
        assert set(keys) == set(words()[section]), section
