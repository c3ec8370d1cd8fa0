"""The groupings of a board by what its address calls them; "" is the usual one."""

from deals.forecast import ByMonth
from deals.grouping import ByOwner, ByStage, Grouping

FORECAST = "month"
GROUPINGS: dict[str, type[Grouping]] = {"": ByStage, "owner": ByOwner, FORECAST: ByMonth}
