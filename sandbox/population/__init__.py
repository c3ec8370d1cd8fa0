"""Makes a world: from a seed and a size, or from a folder of CSV exports."""

from pathlib import Path

from sandbox.population.demo import fill_demo
from sandbox.population.export import fill_from_export
from sandbox.store import Store


def populate(store: Store, *, seed: int, contacts: int, deals: int, data: Path | None) -> None:
    store.create()
    store.db.execute("BEGIN")
    store.set("seed", seed)
    if data:
        fill_from_export(store, data)
    else:
        fill_demo(store, seed=seed, contacts=contacts, deals=deals)
    store.db.execute("COMMIT")
    store.index()
