"""The same pages brought into an SQLite file by dlt, for comparison: a program in an environment of its own.

uv run --no-project --with "dlt[sqlalchemy]" tests/bench/with_dlt.py URL TOKEN FOLDER

dlt brings forty packages along, which nothing else here needs and which would have a say in the versions of what the
product runs on: so it is in no requirements file. Prints seconds and records.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator, SinglePagePaginator

EVER = {"updated": {"range": {"start_datetime": "1990-01-01T00:00:00Z", "end_datetime": "2100-01-01T00:00:00Z"}}}
CONTEXTS = "last_contacted_data,employers_data,leads_data"


@dlt.source(max_table_nesting=0)
def nimble(url: str, token: str) -> Any:
    """Contacts by page, deals by stage; what is nested stays JSON, as in the portal's own tables."""
    client = RESTClient(base_url=url, auth=BearerTokenAuth(token))

    @dlt.resource(primary_key="id")
    def contacts() -> Iterator[Any]:
        params = {"per_page": 100, "sort": "updated:asc", "query": json.dumps(EVER), "contexts": CONTEXTS}
        pages = PageNumberPaginator(base_page=1, page_param="page", total_path="meta.pages")
        yield from client.paginate("/api/v1/contacts", params=params, paginator=pages, data_selector="resources")

    @dlt.resource(primary_key="deal_id")
    def deals() -> Iterator[Any]:
        single = SinglePagePaginator()
        listed = client.get("/api/v2/deals/pipelines").json()["pipelines"]
        waiting = [f"/api/v2/deals/pipelines/{one['pipeline_id']}/deals?sort=created:asc&limit=100" for one in listed]
        while waiting:
            path = waiting.pop().removeprefix(url)
            for groups in client.paginate(path, paginator=single, data_selector="stages"):
                for group in groups:
                    yield group["deals"]
                    if group["meta"]["next_page_url"]:
                        waiting.append(group["meta"]["next_page_url"])

    return contacts, deals


def main(url: str, token: str, folder: str) -> None:
    destination = dlt.destinations.sqlalchemy(f"sqlite:///{folder}/dlt.sqlite3")
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="main", pipelines_dir=f"{folder}/dlt")
    started = time.perf_counter()
    pipeline.run(nimble(url, token))
    seconds = time.perf_counter() - started
    counts = pipeline.last_trace.last_normalize_info.row_counts
    print(json.dumps({"seconds": seconds, "records": counts["contacts"] + counts["deals"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
