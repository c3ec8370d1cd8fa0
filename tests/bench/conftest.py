from tests.sync.conftest import mirror

__all__ = ["mirror"]
