"""The reports, in the order of the menu."""

from reports.figures import ageing, forecast, funnel, losses, owners, stays, won, won_last_month
from reports.report import Spec

REPORTS: dict[str, Spec] = {
    module.SPEC.name: module.SPEC for module in (funnel, won, forecast, stays, ageing, owners, losses, won_last_month)
}
