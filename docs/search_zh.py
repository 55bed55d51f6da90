"""Search for Chinese pages: words of Latin letters, and every two neighbouring Chinese characters.

Sphinx's own needs a dictionary of words and finds only those; pairs of characters find every phrase.
"""

from __future__ import annotations

import re

from sphinx.search import SearchLanguage

_CHINESE = re.compile(r"[㐀-鿿]")


class Bigrams(SearchLanguage):
    """Splits pages here and queries in the browser alike."""

    lang = "zh"
    language_name = "Chinese"
    js_splitter_code = r"""
var splitQuery = function (query) {
  var terms = [];
  (query.match(/[\u3400-\u9fff]+|[^\s\u3400-\u9fff.,:;，。：；、（）()]+/g) || []).forEach(function (run) {
    if (!/[\u3400-\u9fff]/.test(run) || run.length < 3) { terms.push(run); return; }
    for (var i = 0; i + 2 <= run.length; i++) { terms.push(run.slice(i, i + 2)); }
  });
  return terms;
};
"""

    def split(self, input: str) -> list[str]:  # noqa: A002  named so by Sphinx
        """Return the terms of a text."""
        terms: list[str] = []
        for run in re.findall(r"[㐀-鿿]+|[^\W㐀-鿿]+", input):
            if _CHINESE.match(run) and len(run) > 1:
                terms += [run[at : at + 2] for at in range(len(run) - 1)]
            else:
                terms.append(run)
        return terms

    def stem(self, word: str) -> str:
        """Return the word in lower case; Chinese has no endings."""
        return word.lower()
