"""Tags of contacts as a whole. Nimble knows them contact by contact only, so a change is an edit of each."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from contacts import actions, queries
from contacts.models import Contact
from sync import batches, events, terms
from sync.models import Batch

# So many contacts at once: each leaves an edit of its own, while the person waits.
MOST = 200


@dataclass(frozen=True)
class Tag:
    """A tag, and how many of the people and companies that this person sees have it."""

    name: str
    count: int


@dataclass
class Outcome:
    """How many contacts were changed, how many are left to do, and what takes it back."""

    changed: int = 0
    left: int = 0
    batch: Batch | None = None


def listed(user: Any) -> list[Tag]:
    """The tags of the contacts that this person sees, by name. One statement."""
    counts: Counter[str] = Counter()
    rows = queries.for_user(user).exclude(tag_index="").order_by().values_list("tag_index")
    for index, count in rows.annotate(count=Count("pk")):
        for name in terms.unpack(index):
            counts[name] += count
    return sorted((Tag(name, count) for name, count in counts.items()), key=lambda tag: terms.fold(tag.name))


def rename(*, author: Any, name: str, new: str) -> Outcome:
    """Give a tag another name on up to `MOST` contacts. Raises `CannotEdit`."""
    return _each(author, name, lambda tags: list(dict.fromkeys(new if one == name else one for one in tags)))


def remove(*, author: Any, name: str) -> Outcome:
    """Take a tag from up to `MOST` contacts. Raises `CannotEdit`."""
    return _each(author, name, lambda tags: [one for one in tags if one != name])


def _each(author: Any, name: str, change: Callable[[list[str]], list[str]]) -> Outcome:
    tagged = queries.filtered(queries.for_user(author), tag=name).order_by("pk")
    made = []
    with events.atomic():
        chosen: list[Contact] = list(tagged[:MOST])
        for contact in chosen:
            edit = actions.set_tags(author=author, contact=contact, tags=change(contact.tags), seen=contact.tags)
            if edit is not None:
                made.append(edit)
        batch = batches.gathered(made, author=author) if made else None
    return Outcome(len(made), tagged.count(), batch)
