"""Doing one thing to many edits: from the inbox, from the history, and taking it back."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from crmportal.htmx import fragment
from sync import batches, entries, history, inbox, registry, status
from sync.clock import database_now
from sync.models import Batch
from sync.viewer import viewer
from sync.views.answers import back, refused

# The time over which the present rate is measured.
RATE_SECONDS = 30


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Do `action` to the chosen edits (`edit`, several), to the `whole` of a `cause`, or to all of a `batch`."""
    action = request.POST.get("action", "")
    if action not in Batch.Action.values or action == Batch.Action.CHANGE:
        raise Http404
    chosen = list(_chosen(request)[: batches.MOST])
    if not chosen:
        return refused(request, _("Choose at least one."), "inbox:index")
    batch = batches.begin(action, chosen, author=request.user)
    return _answer(request, batch)


def _chosen(request: HttpRequest) -> Any:
    own = status.edits_of(request.user)
    if request.POST.get("whole") and request.POST.get("cause") in inbox.CAUSES:
        return inbox.waiting(request.user, request.POST["cause"])
    if request.POST.get("batch", "").isdecimal():
        return own.filter(batch_id=int(request.POST["batch"][:18]))
    return own.filter(pk__in=[int(pk[:18]) for pk in request.POST.getlist("edit") if pk.isdecimal()])


def _answer(request: HttpRequest, batch: Batch) -> HttpResponse:
    page = reverse("inbox:batch", args=[batch.pk])
    counts = _counts(batch)
    if batch.finished_at is None or counts[batches.CHANGED] or counts[batches.REFUSED]:
        # There is more to tell than a notice holds.
        return redirect(page)
    can_undo = bool(batches.reversal(batch)[1])
    messages.success(request, said(batch), extra_tags=reverse("inbox:undo_batch", args=[batch.pk]) if can_undo else "")
    return redirect(back(request, "inbox:index"))


def _counts(batch: Batch) -> Counter[str]:
    counts = Counter(result["outcome"] for result in batch.results.values())
    if batch.record_ids:
        counts[batches.DONE] = batch.edits.count()
        counts[batches.SKIPPED] = max(batch.done - counts.total(), 0)
    return counts


def said(batch: Batch) -> str:
    """What became of a batch, in one sentence; of one that was taken back since, in two."""
    text = _done(batch)
    back_ = batches.taken_back(batch).count() if batch.action == Batch.Action.CHANGE else 0
    if back_:
        text += " " + ngettext("%d was taken back since.", "%d were taken back since.", back_) % back_
    return text


def _done(batch: Batch) -> str:
    done = _counts(batch)[batches.DONE]
    texts = {
        Batch.Action.RETRY: ngettext("%d edit is sent again.", "%d edits are sent again.", done),
        Batch.Action.LOOK: ngettext("%d edit is looked for in Nimble.", "%d edits are looked for in Nimble.", done),
        Batch.Action.DISCARD: ngettext("%d edit was discarded.", "%d edits were discarded.", done),
        Batch.Action.RESTORE: ngettext("%d edit is back in the line.", "%d edits are back in the line.", done),
        Batch.Action.OURS: ngettext("%d edit goes out with our values.", "%d edits go out with our values.", done),
        Batch.Action.THEIRS: ngettext("%d edit keeps Nimble's values.", "%d edits keep Nimble's values.", done),
        Batch.Action.UNDO: ngettext("%d edit was undone.", "%d edits were undone.", done),
        Batch.Action.CHANGE: ngettext("%d record was changed.", "%d records were changed.", done),
    }
    return texts[Batch.Action(batch.action)] % done


@require_GET
@never_cache
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is; in the end what became of each."""
    batch = get_object_or_404(Batch, pk=pk, author=request.user)
    if batch.record_ids:
        return fragment(request, "sync/batch_of_records.html", "progress", _records(request, batch))
    results = batch.results if batch.finished_at else {}
    notable = [int(one) for one, result in results.items() if result["outcome"] != batches.DONE]
    listed = entries.of(
        status.edits_of(request.user).filter(pk__in=notable[: history.PAGE]).select_related("connection", "author"),
        request.user,
    )
    context = {
        "batch": batch,
        "total": len(batch.edit_ids),
        "said": said(batch),
        "counts": {name: _counts(batch)[name] for name in ("done", "changed", "skipped", "refused")},
        "notable": [(entry, results[str(entry.edit.pk)]) for entry in listed],
        "more": max(len(notable) - history.PAGE, 0),
        "can_undo": bool(batches.reversal(batch)[1]),
    }
    return fragment(request, "sync/batch.html", "progress", context)


def _records(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    """How far a change of many records is: here, and in Nimble."""
    total, waiting = len(batch.record_ids), batches.unsent(batch)
    settled = batch.done - waiting
    now = database_now()
    seconds = min(max((now - batch.created_at).total_seconds(), 1), RATE_SECONDS)
    arrived = batch.edits.filter(confirmed_at__gte=now - timedelta(seconds=seconds)).count()
    # Of what is paused or stopped nobody knows when it is done.
    rate = 0.0 if batch.paused_at or (batch.finished_at and batch.done < total) else arrived / seconds
    refused_ = [int(pk) for pk, result in batch.results.items() if result["outcome"] == batches.REFUSED]
    resource, connection = registry.resource(batch.kind), viewer(request.user)
    rows = list(resource.for_user(request.user).filter(pk__in=refused_[: history.PAGE]))
    links = resource.links(rows, request.user)
    counts = _counts(batch)
    return {
        "batch": batch,
        "total": total,
        "settled": settled,
        "waiting": waiting,
        "rate": rate,
        "wish": resource.wish(batch.asked, resource.names(connection.workspace_id, request.user)) if connection else "",
        "left": (total - settled) / rate if rate else None,
        "said": said(batch),
        "is_stopped": batch.finished_at is not None and batch.done < total,
        "goes_on": batch.finished_at is None or waiting > 0,
        "skipped": counts[batches.SKIPPED],
        "refused": len(refused_),
        "notable": [(*links.get(pk, ("", "")), batch.results[str(pk)]["why"]) for pk in refused_[: history.PAGE]],
        "more": max(len(refused_) - history.PAGE, 0),
        "back": batch.asked.get("back", ""),
        "can_undo": bool(batches.reversal(batch)[1]),
    }


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Make no further changes for now; with `paused` 0, go on. With `stop`, leave the rest as it is."""
    batch = get_object_or_404(Batch, pk=pk, author=request.user)
    if "stop" in request.POST:
        batches.stop(batch)
    else:
        batches.pause(batch, paused=request.POST.get("paused") == "1")
    return redirect("inbox:batch", pk)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a whole batch back."""
    batch = get_object_or_404(Batch, pk=pk, author=request.user)
    action, pks = batches.reversal(batch)
    chosen = list(status.edits_of(request.user).filter(pk__in=pks))
    if not chosen:
        return refused(request, _("There is nothing left of it to take back."), "inbox:index")
    return _answer(request, batches.begin(action, chosen, author=request.user))
