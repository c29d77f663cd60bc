"""Tables as pages show them: a caption, names that readers know, headers over every column."""

import pandas as pd
from pandas.io.formats.style import Styler

from modlib.batch.names import NAMES


def shown(rows: pd.DataFrame, caption: str, form: str = ".2f") -> Styler:
    """Return rows under a caption: those of the index first, numbers as `form` has them.

    What is missing is a dash.
    """
    table = rows.rename(index=NAMES, columns=NAMES).reset_index().replace(NAMES)
    table.columns = [str(name).replace("_", " ") for name in table.columns]
    numbers = list(table.select_dtypes("float"))
    # rounded first, so that no minus stands before a zero
    text = {name: lambda value: format(float(format(value, form)) + 0.0, form) for name in numbers}
    styled = table.style.hide().format(text, na_rep="–").set_caption(caption)
    return styled.set_table_attributes('class="dataframe"')
