"""What is counted of the talk with Nimble, in each process; `/metrics` adds the processes up."""

from prometheus_client import Counter, Histogram

# By operation and status, "none" where no whole answer came. `_count` says how many.
REQUESTS = Histogram(
    "crmportal_nimble_request_seconds",
    "Seconds until Nimble had answered, or until that was given up.",
    ["operation", "status"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
# renewed; refused: the person must sign in again; superseded: another pair came in between; failed: tried again later.
REFRESHES = Counter("crmportal_token_refreshes", "Renewals of access tokens.", ["outcome"])
