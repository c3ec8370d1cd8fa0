"""What was changed here, by whom, and what became of it."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from sync import attempts, entries, exports, history


@require_GET
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """A page of it, newest first, each edit with its attempts."""
    form = history.Filter(request.GET, request.user)
    found = form.narrow(history.seen_by(request.user)).order_by("-pk")
    before = request.GET.get("before", "")
    if before.isdecimal():
        found = found.filter(pk__lt=int(before[:18]))
    listed = list(found[: history.PAGE + 1])
    shown = listed[: history.PAGE]
    tries = attempts.of(shown)
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "form": form,
        "rows": [
            {"entry": entry, "tries": tries.get(entry.edit.pk, []), "mine": entry.edit.author_id == request.user.pk}
            for entry in entries.of(shown, request.user)
        ],
        "query": query.urlencode(),
        "older": shown[-1].pk if len(listed) > history.PAGE else None,
        "is_later": bool(before),
        "batch": form.value("batch"),
    }
    return render(request, "sync/history.html", context)


@require_GET
@never_cache
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same, as a file."""
    form = history.Filter(request.GET, request.user)
    lines = exports.history(form.narrow(history.seen_by(request.user)), request.user, form.names)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="history-{timezone.localdate():%Y-%m-%d}.csv"'
    return answer
