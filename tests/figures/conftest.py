"""Sentences as the checks get them."""

from __future__ import annotations

from controllines.figures.statements import Paragraph, paragraphs


def read(text: str) -> list[Paragraph]:
    """Paragraphs of a text whose lines are numbered from 1."""
    return list(paragraphs(list(enumerate(text.split("\n"), start=1))))
