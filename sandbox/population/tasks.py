"""Tasks, on some of the contacts."""

import random
from collections.abc import Iterator

from sandbox.ids import moment, object_id
from sandbox.population.people import DAY
from sandbox.store import Document


def tasks(rng: random.Random, seed: int, contact: Document, place: int, users: list[Document]) -> Iterator[Document]:
    for at in range((0, 0, 0, 1, 0, 2, 0)[place % 7]):
        owner, assigned = rng.choice(users)["user_id"], rng.choice(users)["user_id"]
        due = contact["updated"] + (at + 1) * 5 * DAY
        done = at == 1
        yield {
            "id": object_id(seed, "task", contact["id"], at),
            "company_id": contact["company_id"],
            "subject": ("Call back", "Send the offer <today>", "Prüfen: Vertrag")[place % 3],
            "notes": None if place % 2 else "Bring the <b>samples</b>.",
            "owner_id": owner,
            "assigned_to": assigned,
            "due_date": moment(due).date().isoformat(),
            "completed_time": moment(due).isoformat() if done else None,
            "feed": due,
            "is_important": place % 5 == 0,
            "tags": ["phone"] if place % 4 == 0 else [],
            "contacts": [contact["id"]],
            "deals": [],
            "created": contact["created"],
            "updated": contact["updated"],
            "updated_by": owner,
        }
