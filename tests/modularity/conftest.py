"""Types of the search for communities, and of nulls, are checked where these are tested."""

import pytest
from unchecked import spare_the_search


@pytest.fixture(scope="module")
def _types_are_checked():
    spare_the_search(False)
    yield
    spare_the_search(True)
