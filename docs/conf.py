"""Sphinx configuration of the site: Chinese pages, English ones under en/; ``make docs`` builds it into build/docs."""

from __future__ import annotations

import pydoc
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from furo.navigation import get_navigation_tree
from sphinx import addnodes
from sphinx.environment.adapters.toctree import TocTree
from sphinx.locale import _ as translated

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

import make_pages  # noqa: E402  beside this file
import search_zh  # noqa: E402

import controllines  # noqa: E402

project = "controllines"
author = "controllines developers"
project_copyright = author
release = version = controllines.__version__
language = "zh_CN"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["proof", "**/.ipynb_checkpoints"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!controllines\.).*")]  # other libraries' types: their pages are not asked for

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # of this build only: the same code in two languages is run once
nb_execution_cache_path = str(HERE.parent / "build" / "notebooks")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # as written, not as the objects print themselves
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_additional_pages = {
    "search-en": "search.html"
}  # the same search with English words; its links start from the root
html_title = f"controllines {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
_FONTS = {
    "font-stack": "'Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', system-ui, sans-serif",
    "font-stack--monospace": "'DejaVu Sans Mono', Consolas, 'Noto Sans Mono CJK SC', monospace",
}
html_theme_options = {
    "light_css_variables": _FONTS | {"color-brand-primary": "#0b6e4f", "color-brand-content": "#0b6e4f"},
    "dark_css_variables": {"color-brand-primary": "#5fd3a8", "color-brand-content": "#5fd3a8"},
}

_PAIRS = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8")).items()
#: Page → its counterpart in the other language, and the name of that language.
OTHERS = {zh[:-3]: (en[:-3], "English") for zh, en in _PAIRS} | {en[:-3]: (zh[:-3], "中文") for zh, en in _PAIRS}
_MADE = [*(f"reference/{_name}" for _name in make_pages.PAGES),
         *(f"notebooks/{_path.stem}" for _path in (HERE.parent / "notebooks").glob("*.ipynb"))]  # fmt: skip
for _page in _MADE:
    OTHERS |= {_page: (f"en/{_page}", "English"), f"en/{_page}": (_page, "中文")}
#: What Sphinx and napoleon write above parts of docstrings, in the language of the site.
LABELS = ("Parameters", "Returns", "Raises", "Variables", "Notes")
#: Words of the theme that it has in English only.
THEME_ZH = {"Next": "下一页", "Previous": "上一页"}
_FIELD = re.compile(r"^(\S[^:]*?) : (.+)$")


def plain_fields(_app: object, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Let napoleon read ``name : what it means`` of the house as a name and its meaning, not as a type."""
    section, out = "", []
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and re.fullmatch("-{3,}", lines[number + 1]):
            section = line
        field = _FIELD.match(line) if section in {"Parameters", "Attributes", "Other Parameters"} else None
        if field:
            out += [field[1], f"    {field[2]}"]
        elif section == "Returns" and line and line != section and not line.startswith("---"):
            # free text, in as many lines as it takes: one value without a name
            out += [":", f"    {line}"] if out[-1].startswith("---") else [f"    {line}"]
        else:
            out.append(line)
    lines[:] = out


def public_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Lead a reference to where a thing is defined to its public name; what is not public stays plain text.

    A name that does not exist at all stays a warning.
    """
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not target.startswith("controllines."):
        return None
    name = target.rpartition(".")[2]
    if name in controllines.__all__:
        found = env.domains["py"].resolve_xref(
            env, node["refdoc"], app.builder, "obj", f"controllines.{name}", node, contnode
        )
        if found is not None:
            return found
    return contnode if pydoc.locate(target) is not None else None


def join_lines(_app: object, doctree: Any) -> None:
    """Join lines that end and begin with Chinese: a browser would show their break as a space."""
    chinese = re.compile("[\u2014\u2018-\u201d\u2026\u3000-\u9fff\uff00-\uffef]")
    for node in list(doctree.findall(nodes.Text)):
        if node != "\n" or node.parent is None:
            continue
        at = node.parent.index(node)
        around = [part.astext() for part in node.parent.children[at - 1 : at + 2 : 2]]
        if at and len(around) == 2 and chinese.match(around[0][-1:]) and chinese.match(around[1][:1]):
            node.parent.remove(node)


def own_sidebar(app: Any, pagename: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Link a page to its counterpart; give English pages English words and the tree of English pages."""
    other, name = OTHERS.get(pagename, ("", ""))
    if other:
        link = f'<p class="other-language"><a href="{context["pathto"](other)}">{name}</a></p>'
        context["body"] = link + context["body"]
    if not pagename.startswith(("en/", "search-en")):
        context["_"] = lambda text: THEME_ZH.get(text) or translated(text)
        return
    for label in LABELS:
        context["body"] = context.get("body", "").replace(f">{translated(label)}<", f">{label}<")
    context["_"] = context["gettext"] = lambda text: text
    context["language"] = "en"
    path_to = context["pathto"]
    context["pathto"] = lambda to, *more, **named: path_to("search-en" if to == "search" else to, *more, **named)
    context["script_files"] = [one for one in context["script_files"] if "translations.js" not in str(one.filename)]
    trees = TocTree(app.env)
    shown = [trees.resolve(pagename, app.builder, node, titles_only=True, includehidden=True, maxdepth=-1, prune=False)
             for node in app.env.get_doctree("en/index").findall(addnodes.toctree)]  # fmt: skip
    html = "".join(app.builder.render_partial(tree)["fragment"] for tree in shown if tree is not None)
    context["furo_navigation_tree"] = get_navigation_tree(html)


def setup(app: Any) -> None:
    """Generate pages before any is read, and hang in the handlers above."""
    shutil.rmtree(nb_execution_cache_path, ignore_errors=True)
    app.add_search_language(search_zh.Bigrams)
    app.connect("builder-inited", lambda _app: make_pages.write(HERE))
    app.connect("autodoc-process-docstring", plain_fields, priority=400)  # before napoleon's 500
    app.connect("doctree-read", join_lines)
    app.connect("missing-reference", public_name)
    app.connect("html-page-context", own_sidebar, priority=900)  # after the theme has made its tree
