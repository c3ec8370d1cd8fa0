"""The deals behind a number of a report: filtered as a board is, of one pipeline or of all."""

from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from contacts import keyset
from contacts import queries as contacts
from crmportal.formats import money
from deals import queries
from deals.filters import Filters
from deals.models import Deal
from deals.totals import exact

PAGE = 50


@require_GET
@never_cache
def behind(request: HttpRequest) -> HttpResponse:
    filters = Filters.of(request.GET)
    known = queries.laid_out(request.user)
    chosen = next((laid for laid in known if str(laid.pipeline.pk) == request.GET.get("pipeline", "")), None)
    here = [laid.pipeline.nimble_id for laid in ([chosen] if chosen else known)]
    deals = queries.for_user(request.user).filter(pipeline_nimble_id__in=here)
    deals = filters.apply(deals, request.user)
    order = filters.order
    page = keyset.page(
        deals.defer("remote", "description"),
        order.column,
        request.GET,
        descending=order.descending,
        size=PAGE,
        nulls_first=False,
    )
    totals = list(
        deals.order_by().values_list("currency").annotate(n=Count("pk"), total=Sum("amount")).order_by("-n", "currency")
    )
    members = contacts.members(request.user)
    stages = {stage.nimble_id: (laid.pipeline.name, stage.name) for laid in known for stage in laid.stages}
    own = {"pipeline": chosen.pipeline.pk} if chosen else {}
    context: dict[str, Any] = {
        "rows": [_row(deal, stages, members) for deal in page.rows],
        "count": sum(n for _currency, n, _total in totals),
        "sums": [money(exact(total), currency) for currency, _n, total in totals if total],
        "chips": [
            (chip.text, chip.without + ("&" if "?" in chip.without else "?") + urlencode(own) if own else chip.without)
            for chip in filters.chips(request.path, members, request.user)
        ],
        "pipeline": chosen.pipeline if chosen else None,
        "surfaces": {
            name: reverse(f"deals:{name}", args=[chosen.pipeline.pk]) + filters.query() for name in ("board", "table")
        }
        if chosen
        else {},
        "before": filters.query(before=page.before, **own) if page.before else "",
        "after": filters.query(after=page.after, **own) if page.after else "",
    }
    return render(request, "reports/deals.html", context)


def _row(deal: Deal, stages: dict[str, tuple[str, str]], members: dict[str, str]) -> dict[str, Any]:
    pipeline, stage = stages.get(deal.stage_nimble_id, ("", ""))
    return {"deal": deal, "pipeline": pipeline, "stage": stage, "owner": members.get(deal.owner_id, "")}
