"""Types of the search for communities, and of nulls, are checked where these are tested."""

import pytest
from searches import check_types


@pytest.fixture
def _types_are_checked():
    check_types(True)
    yield
    check_types(False)
