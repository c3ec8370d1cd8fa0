"""The demo's world: five people of one company who share most of their records, and a stranger elsewhere."""

import random
from collections.abc import Iterator

from sandbox import privacy
from sandbox.population import people, pipelines
from sandbox.population.tasks import tasks
from sandbox.store import Document, Store


def fill_demo(store: Store, *, seed: int, contacts: int, deals: int) -> None:
    users = people.demo_users()
    store.insert("user", users)
    ours = [user for user in users if user["company_id"] == people.COMPANY_ID]
    others = [user for user in users if user["company_id"] != people.COMPANY_ID]
    _fill_company(store, seed, contacts, deals, ours)
    _fill_company(store, seed + 1_000_003, min(contacts, 5), min(deals, 4), others)


def _fill_company(store: Store, seed: int, contacts: int, deals: int, users: list[Document]) -> None:
    rng = random.Random(seed)
    made = pipelines.demo_pipelines(seed, users[0]["company_id"], users)
    store.insert("pipeline", made)
    contact_ids: list[str] = []

    def kept(documents: Iterator[Document]) -> Iterator[Document]:
        """Each contact on its way to the store, with its notes and tasks written beside it."""
        for place, doc in enumerate(documents):
            doc["readers"] = privacy.readers(doc, users)
            contact_ids.append(doc["id"])
            store.insert("note", people.notes(rng, seed, doc, place, users))
            store.insert("task", tasks(rng, seed, doc, place, users))
            yield doc

    store.insert("contact", kept(people.contacts(rng, seed, contacts, users)))

    def shown(documents: Iterator[Document]) -> Iterator[Document]:
        for doc in documents:
            doc["readers"] = privacy.readers(doc, users)
            yield doc

    store.insert("deal", shown(pipelines.deals(rng, seed, deals, users, made, contact_ids)))
