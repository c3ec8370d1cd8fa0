"""What is counted of the way out, in each process; `/metrics` adds the processes up."""

from prometheus_client import Counter

# By the state that the attempt left the edit in: confirmed, retrying, conflict, rejected, failed, …
ATTEMPTS = Counter("crmportal_edit_attempts", "Attempts to send an edit.", ["outcome"])
