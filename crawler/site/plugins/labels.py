"""What Datasette's own pages of tables and of the database leave unsaid, put into what its templates have written: names
for fields and for what scrolls, headings in order; and folded where a phone would scroll past it for screens.
"""

from __future__ import annotations

import re

from jinja2 import Environment
from markupsafe import Markup
from pluggy import HookimplMarker

hookimpl = HookimplMarker("datasette")

#: Markup of Datasette 0.65, and what stands there instead. Vendors' text holds none of it: there `<` is escaped.
_LABELS = {
    '<select name="_filter_column': '<select aria-label="Column" name="_filter_column',
    '<select name="_filter_op': '<select aria-label="Comparison" name="_filter_op',
    '<input type="text" name="_filter_value': '<input type="text" aria-label="Value" name="_filter_value',
    '<select name="_sort"': '<select aria-label="Sort by" name="_sort"',
    '<textarea id="sql-editor"': '<textarea aria-label="SQL" id="sql-editor"',
    '<div class="table-wrapper">': '<div class="table-wrapper" tabindex="0" role="region" aria-label="Rows">',
    '<pre class="wrapped-sql">': '<pre class="wrapped-sql" tabindex="0" role="region" aria-label="Definition in SQL">',
}
_LABEL = re.compile("|".join(map(re.escape, _LABELS)))
_COLUMNS = re.compile(r'<dl class="column-descriptions">(.*?)</dl>', re.DOTALL)
_FOLDED = r"""<details class="unfolded"><summary>What the columns mean</summary>
<dl class="column-descriptions" tabindex="0" aria-label="What the columns mean">\1</dl></details>"""


@hookimpl
def prepare_jinja2_environment(env: Environment) -> None:
    """The filter that our templates of the same names put around those of Datasette."""
    env.filters["labelled"] = labelled


def labelled(page: str, headings: int = -1) -> Markup:
    """The part of a page with labels. So many of its headings of the third rank (all by default) are of the second, as
    nothing of the second stands above them.
    """
    text = _LABEL.sub(lambda found: _LABELS[found[0]], str(page))
    text = _COLUMNS.sub(_FOLDED, text, count=1)
    return Markup(text.replace("<h3>", '<h2 class="part">', headings).replace("</h3>", "</h2>", headings))
