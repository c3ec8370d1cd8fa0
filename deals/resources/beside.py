"""What notes, files and tasks have in common: they hang on a deal, and whoever sees that sees them."""

from collections.abc import Sequence
from typing import Any

from django.utils.functional import Promise

from deals import queries
from deals.models import Deal
from sync.resource import Resource


class Beside(Resource):
    """A kind of record with a `deal`. `anchor`: where it is on the deal's page; `gone`: what to call one that is not
    there any more, with the deal's `{name}`.
    """

    anchor = ""
    gone: str | Promise = ""

    def for_user(self, user: Any) -> Any:
        return self._rows(user).filter(gone_at=None)

    def url(self, row: Any) -> str:
        return f"{row.deal.get_absolute_url()}#{self.anchor}"

    def remembered(self, pk: int, user: Any) -> str:
        row = self._rows(user).filter(pk=pk).select_related("deal").first()
        return str(self.gone).format(name=row.deal.name) if row else ""

    def _rows(self, user: Any) -> Any:
        rows: Any = self.model._default_manager
        return rows.filter(deal__in=queries.for_user(user))

    def title(self, row: Any) -> str:
        return str(row.deal.name)

    def links(self, rows: Sequence[Any], user: Any) -> dict[int, tuple[str, str]]:
        deals = Deal.objects.in_bulk({row.deal_id for row in rows})
        for row in rows:
            row.deal = deals[row.deal_id]
        return super().links(rows, user)
