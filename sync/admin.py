"""The admin site: how the sync stands for everybody. Names of fields, states and reasons; never a value of a record."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from nimble.admin import ReadOnly
from sync import edits, health, reasons
from sync.bell import ring_pull
from sync.clock import database_now
from sync.models import Attempt, Batch, Brake, Check, Edit, Export, Heartbeat, Run, Stream


class AttemptInline(admin.TabularInline):
    """Each attempt to send it; Nimble's own words stay out, they may quote a value."""

    model = Attempt
    fields = ["began_at", "ended_at", "outcome", "reason", "operation", "status", "milliseconds", "request_id"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Edit)
class EditAdmin(ReadOnly):
    list_display = ["id", "kind", "operation", "names", "connection", "state", "reason", "attempts", "created_at"]
    list_filter = ["state", "kind", "operation", "workspace", ("connection", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["connection"]
    search_fields = ["=id", "=record_id", "=request_id"]
    ordering = ["-id"]
    fields = [
        "workspace", "connection", "author", "kind", "record_id", "operation", "names", "state", "reason",
        "reason_in_words", "refused_fields", "attempts", "not_before", "lease_until", "depends_on", "undoes",
        "batch", "request_id", "created_at", "sent_at", "confirmed_at", "echoed_at",
    ]  # fmt: skip
    inlines = [AttemptInline]
    date_hierarchy = "created_at"
    actions = ["retry", "discard"]

    @admin.display(description=_("fields"))
    def names(self, edit: Edit) -> str:
        return ", ".join(edit.fields)

    @admin.display(description=_("reason"))
    def reason(self, edit: Edit) -> str:
        return str(edit.error.get("reason", ""))

    @admin.display(description=_("reason in words"))
    def reason_in_words(self, edit: Edit) -> str:
        """Ours: Nimble's own message may quote the value that it did not like."""
        found = reasons.of(edit)
        return f"{found.text} {found.todo}" if found else ""

    @admin.display(description=_("fields that Nimble refused"))
    def refused_fields(self, edit: Edit) -> str:
        return ", ".join(edit.error.get("fields") or {})

    # An action without its own permission would need the one to change, which nobody has.
    @admin.action(description=_("Send again"), permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Edit]) -> None:
        count = sum(edits.retry(edit) for edit in queryset.order_by("id"))
        _tell(self, request, ngettext("%d edit is sent again.", "%d edits are sent again.", count) % count)

    @admin.action(description=_("Discard: Nimble's value comes back"), permissions=["operate"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Edit]) -> None:
        count = sum(edits.discard(edit) for edit in queryset.order_by("id"))
        _tell(self, request, ngettext("%d edit was discarded.", "%d edits were discarded.", count) % count)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.change_edit")


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    list_display = ["id", "action", "author", "done", "created_at", "finished_at"]
    list_filter = ["action"]
    list_select_related = ["author"]
    ordering = ["-id"]
    fields = ["action", "author", "edit_ids", "done", "created_at", "finished_at"]


@admin.register(Export)
class ExportAdmin(ReadOnly):
    """Who took records out in a file."""

    list_display = ["id", "author", "what", "filters", "rows", "at"]
    list_select_related = ["author"]
    date_hierarchy = "at"
    ordering = ["-id"]
    fields = ["author", "what", "filters", "rows", "at"]


@admin.register(Stream)
class StreamAdmin(ReadOnly):
    list_display = ["name", "connection", "completed_at", "next_run_at", "failures", "paused"]
    list_filter = ["name", "paused", "connection__workspace"]
    list_select_related = ["connection"]
    fields = ["connection", "name", "completed_at", "next_run_at", "failures", "paused"]
    actions = ["run_now", "pause", "go_on"]

    @admin.action(description=_("Run now"), permissions=["operate"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        queryset.update(next_run_at=None)
        ring_pull()

    @admin.action(description=_("Pause"), permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        queryset.update(paused=True)

    @admin.action(description=_("Go on"), permissions=["operate"])
    def go_on(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        queryset.update(paused=False)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("sync.change_stream")


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = [
        "stream__name", "stream__connection", "state", "full", "started_at", "finished_at", "done", "total", "created",
        "changed", "gone", "quarantined", "in_words",
    ]  # fmt: skip
    list_filter = ["state", "full", "stream__name"]
    list_select_related = ["stream__connection"]
    date_hierarchy = "started_at"
    fields = [
        "stream", "state", "full", "started_at", "moved_at", "finished_at", "done", "total", "created", "changed",
        "gone", "quarantined", "requests", "in_words",
    ]  # fmt: skip

    @admin.display(description=_("error"))
    def in_words(self, run: Run) -> str:
        return reasons.of_run(run)


@admin.register(Brake)
class BrakeAdmin(ReadOnly):
    """Who decided what about records that vanished at once, and when; deciding is done on the sync page."""

    list_display = [
        "stream__name", "stream__connection", "state", "missing", "known", "began_at", "decided_by", "decided_at",
        "ended_at",
    ]  # fmt: skip
    list_filter = ["state", "stream__name", "stream__connection__workspace"]
    list_select_related = ["stream__connection", "decided_by"]
    date_hierarchy = "began_at"
    fields = [
        "stream", "kind", "state", "missing", "known", "began_at", "listed_at", "decided_by", "decided_at",
        "expires_at", "ended_at",
    ]  # fmt: skip


@admin.register(Check)
class CheckAdmin(ReadOnly):
    """Whether Nimble's figures and ours agree; the sums themselves are their viewers' alone."""

    list_display = ["stream__name", "stream__connection", "key", "walks", "differs_since", "compared_at"]
    list_filter = ["stream__name", "stream__connection__workspace"]
    list_select_related = ["stream__connection"]
    fields = ["stream", "key", "unit", "walks", "differs_since", "compared_at"]


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly):
    list_display = ["name", "at", "in_words"]

    @admin.display(description=_("in words"))
    def in_words(self, heartbeat: Heartbeat) -> str:
        return health.sign(heartbeat.name, heartbeat.at, database_now()).text


def _tell(site: admin.ModelAdmin, request: HttpRequest, text: str) -> None:
    site.message_user(request, text, messages.SUCCESS)
