"""What pages read of deals: always through `for_user`, sums and counts by SQL."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext_lazy as _

from contacts import queries as contacts
from crmportal import statements
from deals.models import (
    BoardDisplay,
    Deal,
    DealContact,
    DealSight,
    LostReason,
    Pipeline,
    PipelineSight,
    Stage,
)
from nimble.models import Connection
from sync import terms
from sync.models import NEEDS_PERSON, OVERLAID, Edit, State
from sync.viewer import decided, viewer

# These edits go to Nimble by themselves.
ON_ITS_WAY = (State.PENDING, State.RETRYING, State.SENDING)
# What a card shows in the place of a state that only a colleague can do something about.
OF_A_COLLEAGUE = "colleague"
# Tags on offer while one is typed.
MOST_TAGS = 500

LABELS = {
    "name": _("Name"),
    "amount": _("Amount"),
    "currency": _("Currency"),
    "probability": _("Probability"),
    "description": _("Description"),
    "expected_close_date": _("Expected close"),
    "actual_close_date": _("Closed on"),
    "owner": _("Owner"),
    "stage": _("Stage"),
    "pipeline": _("Pipeline"),
    "tags": _("Tags"),
    "contacts": _("Contacts"),
    "external": _("Others who take part"),
    "privacy": _("Visible to"),
}

# Read once for all rows, too. One that Nimble refused to delete is shown again by itself.
_LEAVING = Q(
    pk__in=Edit.objects.filter(kind=Deal.kind, operation=Edit.Operation.DELETE, state__in=OVERLAID).values("record_id")
)


def for_user(user: Any, *, leaving: bool = False) -> QuerySet[Deal]:
    """The deals that this person may see: what their own connection has not been refused, no private ones of others.

    With `privacy.read` set: the owner and the listed users; for groups, whoever has been shown it with their own token.
    None of a pipeline that Nimble does not list to them, or whose deals it refuses them. `leaving`: with those whose
    deletion is on its way to Nimble.
    """
    connection = viewer(user)
    return Deal.objects.none() if connection is None else for_connection(connection, leaving=leaving)


def visible(user: Any, pks: Iterable[int]) -> set[int]:
    """Which of these deals this person may see."""
    given = statements.stand_ins(pks)
    key = ("visible", asking(user), len(given))
    found = statements.rows(key, lambda: for_user(user).filter(pk__in=list(given)).values_list("pk"), given)
    return {pk for (pk,) in found}


def find(user: Any, pk: int) -> Deal | None:
    """One deal, if this person may see it."""
    return Deal.objects.filter(pk=pk).first() if visible(user, [pk]) else None


def asking(user: Any) -> tuple[Any, ...]:
    """All of a person that what they see of deals depends on, besides rows: the key of statements that are kept."""
    connection = viewer(user)
    own = (connection.pk, connection.workspace_id, connection.nimble_user_id) if connection else ()
    return (user.pk, *own)


def leaving(user: Any) -> QuerySet[Deal]:
    """The deals that this person would see, were they not being deleted: until they are gone it can be taken back."""
    return for_user(user, leaving=True).filter(_LEAVING)


def for_connection(connection: Connection, *, gone: bool | None = False, leaving: bool = False) -> QuerySet[Deal]:
    """The deals that may be seen through a connection. What it has not been told of is hidden until it has.

    `gone`: those that could be seen and are gone from Nimble, instead; None, both. `leaving`: with those whose deletion
    is on its way to Nimble, which are not shown.
    """
    seen = Exists(DealSight.objects.filter(record=OuterRef("pk"), connection=connection, seen_at__isnull=False))
    me = connection.nimble_user_id
    allowed = (
        (Q(is_private=False) & (Q(pk__lte=decided(connection, "deals")) | seen | Q(nimble_id=None)))
        | Q(owner_in_nimble=me)
        | Q(reader_index__contains=terms.item(me))
        | (Q(has_groups=True) & seen)
    )
    # Read once for all rows: asking after each row would be most of what a board's figures cost.
    hidden = DealSight.objects.filter(connection=connection, hidden_at__isnull=False)
    if gone is None:
        # What is gone was hidden first, when a listing lacked it. Where somebody has been shown it since, it had been
        # taken from this person alone before that.
        later = DealSight.objects.filter(record=OuterRef("record"), seen_at__gte=OuterRef("hidden_at"))
        hidden = hidden.filter(Q(record__gone_at=None) | Q(seen_at=None) | Exists(later))
    stays = ~_LEAVING if gone is False and not leaving else Q()
    there = Q() if gone is None else Q(gone_at__isnull=not gone)
    return Deal.objects.filter(
        allowed,
        stays,
        there,
        ~Q(pk__in=hidden.values("record_id")),
        _in_readable(connection),
        workspace_id=connection.workspace_id,
    )


def could_see(connection: Connection, pks: Iterable[int]) -> set[int]:
    """Which of these deals, private now, may have been shown through a connection when everybody could see them."""
    sights = DealSight.objects.filter(connection=connection, record_id__in=pks)
    shown = Q(pk__lte=decided(connection, "deals")) | Q(pk__in=sights.exclude(seen_at=None).values("record_id"))
    never = sights.filter(seen_at=None, hidden_at__isnull=False).values("record_id")
    here = Deal.objects.filter(shown, _in_readable(connection), workspace_id=connection.workspace_id, pk__in=pks)
    return set(here.exclude(pk__in=never).values_list("pk", flat=True))


def _in_readable(connection: Connection) -> Q:
    """Deals in no pipeline that Nimble does not list to this person, or whose deals it refuses them."""
    readable = _listed(connection).filter(refused_at=None).values("record_id")
    closed = Pipeline.objects.filter(workspace_id=connection.workspace_id, nimble_id__isnull=False)
    return ~Q(pipeline_nimble_id__in=closed.exclude(pk__in=readable).values("nimble_id"))


def visible_pipelines(connection: Connection) -> QuerySet[Pipeline]:
    """The pipelines that Nimble has listed to this person; of one who never asked, none."""
    return Pipeline.objects.filter(pk__in=_listed(connection).values("record_id"), gone_at=None)


def is_refused(connection: Connection, pipeline: Pipeline) -> bool:
    """Whether Nimble lists a pipeline to this person and refuses them its deals."""
    return _listed(connection).filter(record=pipeline, refused_at__isnull=False).exists()


def _listed(connection: Connection) -> QuerySet[PipelineSight]:
    return PipelineSight.objects.filter(connection=connection, seen_at__isnull=False, hidden_at=None)


def pipelines(user: Any) -> QuerySet[Pipeline]:
    """The pipelines that this person may see, archived ones last."""
    connection = viewer(user)
    if connection is None:
        return Pipeline.objects.none()
    return visible_pipelines(connection).order_by(F("archived_at").asc(nulls_first=True), "position", "name")


@dataclass(frozen=True, slots=True)
class Laid:
    """A pipeline with its stages in Nimble's order, whether it has reasons for losing a deal, and what the person has
    set for its board.
    """

    pipeline: Pipeline
    stages: list[Stage]
    has_reasons: bool
    display: dict[str, Any] | None


def laid_out(user: Any) -> list[Laid]:
    """The person's pipelines with their stages. One statement."""
    own = ("pk", "workspace_id", "nimble_id", "name", "is_default", "default_currency", "archived_at")
    of_stage = (
        "pk",
        "nimble_id",
        "name",
        "position",
        "role",
        "is_final",
        "expected_days",
        "archived_at",
        "default_probability",
    )

    def composed() -> QuerySet[Pipeline, Any]:
        reasons = LostReason.objects.filter(pipeline=OuterRef("pk"))
        display = BoardDisplay.objects.filter(pipeline=OuterRef("pk"), user=user.pk)
        return (
            pipelines(user)
            .annotate(has_reasons=Exists(reasons), display=Subquery(display.values("settings")[:1]))
            .order_by(F("archived_at").asc(nulls_first=True), "position", "name", "pk", "stages__position")
            .values_list("has_reasons", "display", *own, *(f"stages__{name}" for name in of_stage))
        )

    found: dict[int, Laid] = {}
    for has_reasons, display, *values in statements.rows(("laid_out", asking(user)), composed):
        laid = found.get(values[0])
        if laid is None:
            pipeline = Pipeline(**dict(zip(own, values, strict=False)))
            laid = found[pipeline.pk] = Laid(pipeline, [], has_reasons, display)
        stage = dict(zip(of_stage, values[len(own) :], strict=True))
        if stage["pk"] is not None:
            laid.stages.append(Stage(pipeline=laid.pipeline, **stage))
    return list(found.values())


def filtered(deals: QuerySet[Deal], user: Any, *, owner: str = "", text: str = "", tag: str = "") -> QuerySet[Deal]:
    """The deals that a board's filters leave: by owner's user id, by words, by one tag.

    A word is looked for in the deal, and in the related contacts that this person may see: nothing is found through
    the others.
    """
    if owner:
        deals = deals.filter(owner_id=owner)
    if tag:
        deals = deals.filter(tag_index__contains=terms.item(tag))
    for word in terms.fold(text).split()[:8]:
        named = contacts.for_user(user).filter(search__contains=word).values("nimble_id")
        through = DealContact.objects.filter(contact_nimble_id__in=named).values("deal_id")
        deals = deals.filter(Q(search__contains=word) | Q(pk__in=through))
    return deals


def tag_names(user: Any) -> list[str]:
    """The tags of what this person may see, for picking one."""
    found: dict[str, None] = {}
    for packed in for_user(user).exclude(tag_index="").values_list("tag_index", flat=True).distinct().order_by():
        found.update(dict.fromkeys(terms.unpack(packed)))
    return sorted(found, key=terms.fold)[:MOST_TAGS]


def unsettled(user: Any) -> QuerySet[Edit]:
    """Edits of deals that are not in Nimble yet, and what Nimble refused of this person's own.

    What was refused counts until a later edit of the record arrived.
    """
    arrived = Edit.objects.filter(
        kind=OuterRef("kind"), record_id=OuterRef("record_id"), id__gt=OuterRef("id"), state=State.CONFIRMED
    )
    refused = Q(state__in=[State.REJECTED, State.FAILED], author=user) & ~Exists(arrived)
    return Edit.objects.filter(Q(state__in=OVERLAID) | refused, kind=Deal.kind)


def with_card(deals: QuerySet[Deal], user: Any) -> QuerySet[Deal]:
    """The deals with what their cards say beyond their own columns: `locked`, `edit_state`, `company`.

    `locked`: Nimble does not let this person edit it.
    `edit_state`: of the last edit not in Nimble yet; `OF_A_COLLEAGUE` where it needs its author, somebody else.
    `company`: the name of the first related contact, where this person may see that.
    """
    own_sight = DealSight.objects.filter(record=OuterRef("pk"), connection=viewer(user))
    edit = unsettled(user).filter(record_id=OuterRef("pk")).order_by("-id")
    return deals.annotate(
        locked=Exists(own_sight.filter(view__is_editable=False)),
        edit_state=Subquery(edit.annotate(shown=_shown_to(user)).values("shown")[:1]),
        company=of_company(user, "name"),
    )


def _shown_to(user: Any) -> Case:
    colleagues = Q(state__in=NEEDS_PERSON) & ~Q(author=user)
    return Case(When(colleagues, then=Value(OF_A_COLLEAGUE)), default=F("state"))


def of_company(user: Any, column: str) -> Subquery:
    """For deals: a column of the first related contact, where this person may see that."""
    contact = contacts.for_user(user).filter(nimble_id=OuterRef("contact_nimble_id"))
    return Subquery(contact.values(column)[:1])


def is_editable(deal: Deal, user: Any) -> bool:
    """Whether Nimble lets this person edit the deal, as far as is known: it has the last word anyway."""
    return not DealSight.objects.filter(record=deal, connection=viewer(user), view__is_editable=False).exists()


def locked(deals: Iterable[Deal], user: Any) -> set[int]:
    """Which of these Nimble does not let this person edit, as far as is known."""
    refused = DealSight.objects.filter(record__in=deals, connection=viewer(user), view__is_editable=False)
    return set(refused.values_list("record_id", flat=True))


class ContactPanel(NamedTuple):
    """The deals of a contact, for the contact's page."""

    template: str
    deals: list[Deal]


def contact_panel(contact: Any, user: Any) -> ContactPanel | None:
    """The deals in which a contact takes part, as this person may see them."""
    if not contact.nimble_id:
        return None
    takes_part = DealContact.objects.filter(contact_nimble_id=contact.nimble_id).values("deal_id")
    stage = Stage.objects.filter(pipeline__workspace_id=contact.workspace_id, nimble_id=OuterRef("stage_nimble_id"))
    related = for_user(user).filter(pk__in=takes_part).annotate(stage_name=Subquery(stage.values("name")[:1]))
    ordered = related.order_by(F("updated_in_nimble").desc(nulls_last=True), "-pk").defer("remote", "description")
    return ContactPanel("deals/contact_panel.html", list(ordered[:50]))
