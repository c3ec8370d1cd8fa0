from typing import Any

from django.apps import AppConfig


class Sync(AppConfig):
    name = "sync"
    verbose_name = "Sync"

    def ready(self) -> None:
        from nimble.models import Connection
        from nimble.signals import connected
        from sync import bell, outbox

        def begin(sender: Any, connection: Connection, **_more: Any) -> None:
            """Whoever just signed in should not wait for the next beat; what was blocked goes on."""
            outbox.unblock()
            bell.ring()
            bell.ring_pull()

        connected.connect(begin, weak=False, dispatch_uid="sync.begin")
