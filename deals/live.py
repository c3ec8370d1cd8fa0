"""What happened on a board since it was read, as the person who looks at it may know of it."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

from django.db.models import Q

from contacts import queries as contacts
from contacts.models import Contact
from deals import queries
from deals.board import Board
from deals.models import Deal, DealContact, Pipeline
from nimble.models import Connection
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
        ids |= _with_contacts(board, named, _readers(found, Contact.kind))
    if not ids:
        return News()
    visible = queries.visible(board.user, ids)
    here = board.holds(visible)
    gone = (visible - here) | _lost(board, ids - visible, _readers(found, Deal.kind))
    return News(frozenset(here), frozenset(gone), anew=len(here) > MOST_CARDS)


def _is_about_all(event: Event, board: Board) -> bool:
    if event.kind == Pipeline.kind:
        return event.ids is None or board.pipeline.pk in event.ids
    return event.ids is None and event.kind in (events.ANY, Deal.kind, Contact.kind)


def _readers(found: Iterable[Event], kind: str) -> dict[int, set[str] | None]:
    """Of the records of a kind that were narrowed, who could read them before; None for everybody."""
    readers: dict[int, set[str] | None] = {}
    for event in found:
        for pk, users in event.readers.items() if event.kind == kind else ():
            before = readers.get(int(pk), set())
            readers[int(pk)] = None if users is None or before is None else {*before, *users}
    return readers


def _narrowed(
    board: Board, readers: Mapping[int, Set[str] | None], could_see: Callable[[Connection, Set[int]], Set[int]]
) -> set[int]:
    """Of what was narrowed, that which this person may have seen until then."""
    connection = viewer(board.user)
    if connection is None:
        return set()
    public = {pk for pk, users in readers.items() if users is None}
    named = {pk for pk, users in readers.items() if users and connection.nimble_user_id in users}
    return named | (set(could_see(connection, public)) if public else set())


def _with_contacts(board: Board, pks: set[int], readers: Mapping[int, Set[str] | None]) -> set[int]:
    """The deals whose cards may name one of these contacts, as far as this person sees it, or has seen it until now."""
    taken = _narrowed(board, readers, contacts.could_see)
    known = Q(pk__in=contacts.for_user(board.user).filter(pk__in=pks).values("pk")) | Q(pk__in=taken)
    named = Contact.objects.filter(known).values("nimble_id")
    return set(DealContact.objects.filter(contact_nimble_id__in=named).values_list("deal_id", flat=True))


def _lost(board: Board, pks: set[int], readers: Mapping[int, Set[str] | None]) -> set[int]:
    """Of the deals that this person does not see, those that they may have seen before: deleted or hidden since."""
    connection = viewer(board.user)
    if not pks or connection is None:
        return set()
    deleted = queries.for_connection(connection, gone=True).filter(pk__in=pks)
    leaving = queries.leaving(board.user).filter(pk__in=pks)
    narrowed = {pk: users for pk, users in readers.items() if pk in pks}
    going = (pk for deals in (deleted, leaving) for pk in deals.values_list("pk", flat=True))
    return {*going, *_narrowed(board, narrowed, queries.could_see)}
