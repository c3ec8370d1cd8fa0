"""What happened on a board since it was read, as the person who looks at it may know of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from contacts import queries as contacts
from contacts.models import Contact, ContactSight
from deals import queries
from deals.board import Board
from deals.models import Deal, DealContact, DealSight, Pipeline
from sync import events
from sync.models import Event
from sync.viewer import viewer

# Where more cards changed at once, or so many records are named, the board is read anew.
MOST_CARDS = 50
MOST_NAMED = 1000


@dataclass(frozen=True)
class News:
    """`cards`: deals to show as they are now; `gone`: those that stand here no more. `anew`: read the whole board."""

    cards: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()
    anew: bool = False

    def __bool__(self) -> bool:
        return bool(self.cards or self.gone or self.anew)


def news(board: Board, after: int, upto: int) -> News:
    """What came after one event, up to another. Of a hidden record nothing, except that one is hidden from now on."""
    connection = viewer(board.user)
    found = events.since(connection.workspace_id, after, upto) if connection else None
    if found is None or any(_is_about_all(event, board) for event in found):
        return News(anew=True)
    ids = {pk for event in found if event.kind == Deal.kind for pk in event.ids or []}
    named = {pk for event in found if event.kind == Contact.kind for pk in event.ids or []}
    if len(ids) + len(named) > MOST_NAMED:
        return News(anew=True)
    if named:
        ids |= _with_contacts(board, named)
    if not ids:
        return News()
    visible = queries.visible(board.user, ids)
    here = board.holds(visible)
    readers = {int(pk): users for event in found if event.kind == Deal.kind for pk, users in event.readers.items()}
    gone = (visible - here) | _lost(board, ids - visible, readers)
    return News(frozenset(here), frozenset(gone), anew=len(here) > MOST_CARDS)


def _is_about_all(event: Event, board: Board) -> bool:
    if event.kind == Pipeline.kind:
        return event.ids is None or board.pipeline.pk in event.ids
    return event.ids is None and event.kind in (events.ANY, Deal.kind, Contact.kind)


def _with_contacts(board: Board, pks: set[int]) -> set[int]:
    """The deals whose cards may name one of these contacts, as far as this person sees it, or has seen it."""
    known = Q(pk__in=contacts.for_user(board.user).filter(pk__in=pks).values("pk")) | Q(
        pk__in=_taken(ContactSight, board.user, pks)
    )
    named = Contact.objects.filter(known).values("nimble_id")
    return set(DealContact.objects.filter(contact_nimble_id__in=named).values_list("deal_id", flat=True))


def _lost(board: Board, pks: set[int], readers: Mapping[int, list[str] | None]) -> set[int]:
    """Of the deals that this person does not see, those that they may have seen before: deleted or hidden since."""
    connection = viewer(board.user)
    if not pks or connection is None:
        return set()
    deleted = queries.for_connection(connection, gone=True).filter(pk__in=pks)
    leaving = queries.leaving(board.user).filter(pk__in=pks)
    public = {pk for pk in pks & readers.keys() if readers[pk] is None}
    named = {pk for pk in pks & readers.keys() if connection.nimble_user_id in (readers[pk] or ())}
    narrowed = named | (queries.could_see(connection, public) if public else set())
    going = (pk for deals in (deleted, leaving) for pk in deals.values_list("pk", flat=True))
    return {*going, *_taken(DealSight, board.user, pks), *narrowed}


def _taken(sight: type[Any], user: Any, pks: Iterable[int]) -> set[int]:
    """Those that this person's own token was shown, and that are hidden from them now."""
    taken = sight.objects.filter(
        connection=viewer(user), record_id__in=pks, seen_at__isnull=False, hidden_at__isnull=False
    )
    return set(taken.values_list("record_id", flat=True))
