"""A world out of a folder of CSV exports: accounts become companies, agents and managers users, opportunities deals."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.fields import BY_NAME, value
from sandbox.ids import WORLD_TIME, microseconds, object_id
from sandbox.population.people import COMPANY_ID, OTHER_COMPANY_ID, make_user, new_contact
from sandbox.population.pipelines import LOST, OPEN, WON, StagePlan, make_pipeline, new_deal, walk
from sandbox.store import Document, Store

STAGES: list[StagePlan] = [("Prospecting", OPEN, 10, 30), ("Engaging", OPEN, 40, 90)]
STAGES += [("Won", WON, 100, 0), ("Lost", LOST, 0, 0)]
# The export spells one product both ways.
SPELLINGS = {"GTXPro": "GTX Pro"}
Row = dict[str, str]


def _read(folder: Path, name: str) -> list[Row]:
    with open(folder / name, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _moment(text: str) -> int | None:
    """A day of the export, as US month/day/year or ISO."""
    if not text:
        return None
    pattern = "%m/%d/%Y" if "/" in text else "%Y-%m-%d"
    return microseconds(datetime.strptime(text, pattern).replace(tzinfo=UTC)) + 9 * 3_600_000_000


def _users(rows: list[Row]) -> dict[str, Document]:
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(row["manager"], row["regional_office"])
    for row in rows:
        found.setdefault(row["sales_agent"], row["regional_office"])
    users = {}
    for place, (name, office) in enumerate(found.items()):
        email = name.lower().replace(" ", ".") + "@export.test"
        group = object_id("group", office)
        users[name] = make_user(name, email, (group,), COMPANY_ID, "The exported company", place)
    return users


def _company(row: Row, ids: dict[str, str], owner: str, place: int) -> Document:
    last = microseconds(WORLD_TIME)
    one = ids[row["account"]]
    created = last - (400 + place) * 86_400_000_000
    doc = new_contact(one, COMPANY_ID, "company", owner, created, created + 3_600_000_000)
    fields: dict[str, Any] = {"company name": [value("company name", row["account"])]}
    if row["sector"] in BY_NAME["Sector"].choices:
        fields["Sector"] = [value("Sector", str(BY_NAME["Sector"].choices.index(row["sector"]) + 1))]
    if row["employees"]:
        fields["# of employees"] = [value("# of employees", row["employees"])]
    if row["revenue"]:
        fields["annual revenue"] = [value("annual revenue", row["revenue"])]
    if row["office_location"]:
        fields["address"] = [value("address", repr({"country": row["office_location"]}), "work")]
    if row["year_established"]:
        fields["description"] = [value("description", f"Established in {row['year_established']}.", "")]
    if row["subsidiary_of"] in ids:
        doc["parent_id"] = ids[row["subsidiary_of"]]
        fields["parent company"] = [value("parent company", row["subsidiary_of"], extra_value=doc["parent_id"])]
    doc["fields"] = fields
    return doc


def _deals(rows: list[Row], pipeline: Document, users: dict[str, Document], ids: dict[str, str]) -> Iterator[Document]:
    stages = {stage["name"]: stage for stage in pipeline["stages"]}
    fields = {field["name"]: field for field in pipeline["fields"]}
    products = {choice["value"]: choice["id"] for choice in fields["Product"]["choices"]}
    last = microseconds(WORLD_TIME)
    for place, row in enumerate(rows):
        owner = users[row["sales_agent"]]["user_id"]
        engaged, closed = _moment(row["engage_date"]), _moment(row["close_date"])
        # A second apart each, so that no two are sorted by chance.
        created = (engaged or last - 3_600_000_000) + place * 1000
        updated = (closed or created) + place * 1000
        doc = new_deal(object_id("opportunity", row["opportunity_id"]), pipeline, owner, created, updated, place + 1)
        product = SPELLINGS.get(row["product"], row["product"])
        doc["name"] = f"{row['account'] or 'No account'} – {product}"
        path = [stages["Prospecting"]]
        times = [created]
        if row["deal_stage"] != "Prospecting":
            path.append(stages["Engaging"])
            times.append(created + 1)
        if row["deal_stage"] in ("Won", "Lost"):
            path.append(stages[row["deal_stage"]])
            times.append(updated)
            doc["actual_close_date"] = datetime.fromtimestamp(updated / 1e6, UTC).date().isoformat()
        doc["transitions"] = walk(path, [owner] * len(path), times)
        doc["stage_id"] = path[-1]["id"]
        if row["close_value"]:
            doc["amount"] = float(row["close_value"])
        doc["custom"] = {
            fields["Product"]["field_id"]: [{"value": products[product]}],
            fields["Opportunity"]["field_id"]: [{"value": row["opportunity_id"]}],
        }
        if row["account"] in ids:
            doc["related_contacts"] = [{"contact_id": ids[row["account"]], "note": None}]
        yield doc


def fill_from_export(store: Store, folder: Path) -> None:
    users = _users(_read(folder, "sales_teams.csv"))
    outsider = make_user("Zoë Elsewhere", "zoe@elsewhere.test", (), OTHER_COMPANY_ID, "Elsewhere Ltd", 0)
    store.insert("user", [*users.values(), outsider])
    accounts = _read(folder, "accounts.csv")
    ids = {row["account"]: object_id("account", row["account"]) for row in accounts}
    owners = [user["user_id"] for user in users.values()]
    store.insert(
        "contact", (_company(row, ids, owners[place % len(owners)], place) for place, row in enumerate(accounts))
    )
    products = [row["product"] for row in _read(folder, "products.csv")]
    pipeline = make_pipeline(
        *("export", COMPANY_ID, owners[0], "Sales", STAGES),
        color="#2685c4",
        currency="USD",
        lost_reasons=("Price", "Competitor", "No decision"),
        fields=(("Product", "choice", products), ("Opportunity", "string", ())),
        is_default=True,
    )
    store.insert("pipeline", [pipeline])
    store.insert("deal", _deals(_read(folder, "sales_pipeline.csv"), pipeline, users, ids))
