"""Networks are measured with few sweeps in each search for communities."""

import pytest
import searches


@pytest.fixture(scope="module", autouse=True)
def _searches_are_brief():
    with searches.brief():
        yield
