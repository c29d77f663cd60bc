"""A table that readers sort, filter and take away, packed into the page.

What is done with it is in `book/_static/records.js`.
"""

import json

import pandas as pd

from modlib.figures.packing import deflated

FORM = """<div class="records"><p>Without scripts no rows are shown here.</p>
<script type="application/json">{data}</script></div>"""


def packed(rows: pd.DataFrame, shown: int) -> str:
    """Return HTML with all rows: so many are shown at once, numbers to four digits.

    The data are JSON, deflated, in base 64. What is missing is null.
    """
    short = rows.copy()
    for name in short.select_dtypes("float"):
        short[name] = [float(f"{value:.4g}") for value in short[name]]
    told = {
        "columns": list(short),
        "rows": short.astype(object).where(short.notna(), None).values.tolist(),
        "shown": shown,
    }
    text = json.dumps(told, separators=(",", ":"), allow_nan=False).encode()
    return FORM.format(data=deflated(text))
