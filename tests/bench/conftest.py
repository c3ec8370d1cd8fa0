import pytest

from tests.sync.conftest import mirror

__all__ = ["mirror"]


@pytest.fixture
def by_contract() -> None:
    """Nothing is checked while it is measured."""
