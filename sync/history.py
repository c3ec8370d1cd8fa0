"""Everything that was changed through the portal, as far as a person sees it: to be filtered, undone and exported."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from nimble.models import Connection
from sync import registry, status
from sync.models import OVERLAID, Edit, State
from sync.viewer import viewer

PAGE = 50
# So many of the last edits say which fields there are to filter by.
RECENT = 300
STATES: list[tuple[str, Any]] = [
    ("", _("Any state")),
    ("way", _("On the way to Nimble")),
    ("confirmed", _("In Nimble")),
    ("needs", _("Needs somebody")),
    ("dropped", _("Taken back or dropped")),
]
# What each of these stands for.
OF_STATE = {
    "way": (State.PENDING, State.RETRYING, State.SENDING),
    "confirmed": (State.CONFIRMED,),
    "needs": (State.CONFLICT, State.REJECTED, State.FAILED, State.AMBIGUOUS, State.BLOCKED),
    "dropped": (State.SUPERSEDED, State.DISCARDED, State.UNDONE),
}


def seen_by(user: Any) -> QuerySet[Edit]:
    """A person's own edits, and those of others of records that they see: what is in Nimble or on its way there."""
    own = status.edits_of(user)
    connection = viewer(user)
    if connection is None:
        return own.select_related("connection", "author")
    others = Q()
    for resource in registry.resources():
        others |= Q(kind=resource.kind, record_id__in=resource.for_user(user).values("pk"))
    others &= Q(workspace_id=connection.workspace_id, state__in=[*OVERLAID, State.CONFIRMED])
    return (own | Edit.objects.filter(others)).select_related("connection", "author")


class Filter(forms.Form):
    """What the history is narrowed to; what makes no sense narrows nothing."""

    person = forms.ChoiceField(label=_("Person"), required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    record = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)
    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)
    field = forms.ChoiceField(label=_("Field"), required=False)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    batch = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any], user: Any) -> None:
        super().__init__(data)
        connection = viewer(user)
        people = (
            Connection.objects.filter(workspace_id=connection.workspace_id, edits__isnull=False).distinct()
            if connection
            else Connection.objects.none()
        )
        names = [(str(one.pk), str(one)) for one in people.order_by("name")]
        self._field("person").choices = [("", _("Everybody")), ("me", _("Only mine")), *names]
        kinds = [(resource.kind, resource.title_of_kind) for resource in registry.resources() if resource.is_edited]
        self._field("kind").choices = [("", _("All records")), *kinds]
        self._field("field").choices = [("", _("Any field")), *_fields(user)]
        self.user = user
        self.is_valid()

    def _field(self, name: str) -> forms.ChoiceField:
        found = self.fields[name]
        assert isinstance(found, forms.ChoiceField)  # noqa: S101 for the type checker
        return found

    def value(self, name: str) -> Any:
        return self.cleaned_data.get(name)

    @property
    def names(self) -> list[str]:
        """The filters that narrow anything."""
        return [name for name in self.fields if self.value(name)]

    def narrow(self, edits: QuerySet[Edit]) -> QuerySet[Edit]:
        if self.value("person") == "me":
            edits = edits.filter(author=self.user)
        elif self.value("person"):
            edits = edits.filter(connection_id=self.value("person"))
        if self.value("kind"):
            edits = edits.filter(kind=self.value("kind"))
        if self.value("record") and self.value("kind"):
            edits = edits.filter(record_id=self.value("record"))
        if self.value("state"):
            edits = edits.filter(state__in=OF_STATE[self.value("state")])
        if self.value("field"):
            edits = edits.filter(fields__has_key=self.value("field"))
        if self.value("since"):
            edits = edits.filter(created_at__gte=_midnight(self.value("since")))
        if self.value("until"):
            edits = edits.filter(created_at__lt=_midnight(self.value("until")) + timedelta(days=1))
        if self.value("batch"):
            edits = edits.filter(batch_id=self.value("batch"))
        return edits


def _fields(user: Any) -> list[tuple[str, str]]:
    """The fields that were changed of late, by what people call them."""
    used: dict[tuple[int, str], set[str]] = {}
    latest = seen_by(user).select_related(None).order_by("-pk").values_list("workspace_id", "kind", "fields")
    for workspace_id, kind, fields in latest[:RECENT]:
        used.setdefault((workspace_id, kind), set()).update(fields)
    found: dict[str, str] = {}
    for (workspace_id, kind), names in used.items():
        resource = registry.resource(kind)
        known = resource.names(workspace_id, user)
        found.update({name: str(resource.label(name, known)) for name in names})
    return sorted(found.items(), key=lambda pair: pair[1].casefold())


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
