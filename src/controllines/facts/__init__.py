"""Project facts (项目信息): what the rules must know of a project that no map shows.

``gather`` brings them together: ``--project`` before the table (``--facts``) before ``<stem>.toml`` and
``project.toml`` beside the application before the columns of the application itself. Each keeps where it came from.
"""

from controllines.facts.catalogue import Choice, Fact, Value, catalogue, fact_of, named, normalise, shown
from controllines.facts.form import FormRow, add_form, form_columns, read_form, write_form
from controllines.facts.intake import FACTS, ProjectFacts, gather, rows_of

__all__ = [
    "FACTS",
    "Choice",
    "Fact",
    "FormRow",
    "ProjectFacts",
    "Value",
    "add_form",
    "catalogue",
    "fact_of",
    "form_columns",
    "gather",
    "named",
    "normalise",
    "read_form",
    "rows_of",
    "shown",
    "write_form",
]
