"""A team at work on a portal of real processes, in a thread each, without a browser.

Each works on records of their own, so that nothing conflicts, and what they type counts upwards: in what Nimble was
told, one can see what was lost, doubled, or out of order.
"""

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.processes import Portal
from tests.visitors import Visitor

WORLD = """
import json
from contacts.models import Contact
from deals.models import Deal, Stage
stages = {}
open_ones = Stage.objects.filter(role="open", archived_at=None, pipeline__archived_at=None)
for stage in open_ones.exclude(default_probability=None):
    stages.setdefault(stage.pipeline.nimble_id, []).append([stage.pk, stage.nimble_id])
here = [nimble_id for listed in stages.values() for _pk, nimble_id in listed]
deals = [
    [deal.pk, deal.nimble_id, stages[deal.pipeline_nimble_id]]
    for deal in Deal.objects.filter(is_private=False, gone_at=None, stage_nimble_id__in=here)
    if (deal.remote.get("privacy") or {}).get("edit") is None
]
contacts = [
    [contact.pk, contact.nimble_id, contact.tags]
    for contact in Contact.objects.filter(is_private=False, gone_at=None, record_type="person")
    if (contact.remote.get("privacy") or {}).get("edit") is None
]
print(json.dumps({"deals": deals, "contacts": contacts}))
"""


@dataclass(frozen=True)
class Typed:
    """Something that somebody typed into a form. `accepted`: the portal said that it is saved."""

    what: str
    record: str
    value: str
    accepted: bool


@dataclass
class Person:
    """Somebody at work: `typed` is what they did, oldest first; `answers` counts the statuses they saw."""

    visitor: Visitor
    deals: list[Any]
    contacts: list[Any]
    chance: random.Random
    name: str
    typed: list[Typed] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def work(self, until: threading.Event) -> None:
        while not until.is_set():
            doing: Callable[[], None] = self.chance.choice([self.move, self.amount, self.note, self.rename, self.tag])
            doing()
            time.sleep(self.chance.uniform(0.1, 0.8))

    def move(self) -> None:
        pk, nimble_id, stages = self.chance.choice(self.deals)
        stage, stage_id = self.chance.choice(stages)
        self.type("move", nimble_id, stage_id, f"/deals/{pk}/move/", stage=str(stage))

    def amount(self) -> None:
        pk, nimble_id, _stages = self.chance.choice(self.deals)
        value = str(self.next())
        self.type("amount", nimble_id, value, f"/deals/{pk}/edit/amount/", value=value)

    def note(self) -> None:
        pk, nimble_id, _tags = self.chance.choice(self.contacts)
        text = f"Written by {self.name} as number {self.next()}."
        self.type("note", nimble_id, text, f"/contacts/{pk}/notes/", text=text)

    def rename(self) -> None:
        pk, nimble_id, _tags = self.chance.choice(self.contacts)
        value = str(self.next())
        self.type("rename", nimble_id, value, f"/contacts/{pk}/edit/last%20name/", value=value)

    def tag(self) -> None:
        pk, nimble_id, tags = self.chance.choice(self.contacts)
        # Also where nobody knows whether it was saved: the next list has it again.
        tags.append(f"{self.name}-{self.next()}")
        self.type("tag", nimble_id, tags[-1], f"/contacts/{pk}/edit/tags/", tags="\n".join(tags))

    def next(self) -> int:
        self.count += 1
        return 1000 + self.count

    def type(self, what: str, record: str, value: str, path: str, /, **form: str) -> None:
        """Send one form, once. A web server that dies meanwhile leaves open whether it was saved."""
        try:
            status = self.visitor.post(path, form, headers={"HX-Request": "true"}).status_code
        except requests.exceptions.RequestException:
            status = 0
            time.sleep(1)
        self.answers[status] = self.answers.get(status, 0) + 1
        self.typed.append(Typed(what, record, value, 200 <= status < 300))


def assemble(portal: Portal, visitors: dict[str, Visitor], seed: int) -> list[Person]:
    """The people, with the records that everybody may edit dealt out among them."""
    world = json.loads(portal.shell(WORLD))
    count = len(visitors)
    return [
        Person(
            visitor,
            world["deals"][at::count][:12],
            world["contacts"][at::count][:12],
            random.Random(f"{seed} {email}"),
            email.partition("@")[0],
        )
        for at, (email, visitor) in enumerate(visitors.items())
    ]
