"""The deals of a pipeline as a table: the board's twin, with the same filters."""

from deals.table.table import Page, Table, open_table

__all__ = ["Page", "Table", "open_table"]
