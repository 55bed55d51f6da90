"""The words of reports."""

from __future__ import annotations

from controllines.report.words import clean


def test_clean_keeps_text_and_drops_what_no_document_carries():
    assert clean("响\x07铃\x00\x1b[31m\u202e反\ud800") == "响铃[31m反"
    assert clean(" a\r\n\tb ") == "a b"
    assert clean(None) == clean(float("nan")) == ""
