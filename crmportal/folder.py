"""The broker that is a folder: kombu's own, but nobody ever finds a file in it that is only half written.

Kombu opens a file under its final name and then fills it. Who reads it in between ends: a worker, for ten seconds.
"""

import contextlib
import os
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Messages and tables of bindings appear whole, or not at all."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override] # as kombu's own
        path = Path(self.data_folder_out, f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg")
        part = _written(path, dumps(payload))
        try:
            part.rename(path)
        except OSError as error:
            raise ChannelError(f"Cannot add {path}") from error

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        path = self._exchange_file(exchange)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            part = _written(path, "[]")
            # Somebody else's table may have come meanwhile: it stays.
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
            part.unlink()
        super()._queue_bind(exchange, routing_key, pattern, queue)


class Transport(filesystem.Transport):
    Channel = Channel


def _written(path: Path, text: str) -> Path:
    """A file beside this one with the text, under a name that no reader takes for a message."""
    part = path.with_name(f"{uuid4()}.part")
    try:
        part.write_text(text, "utf-8")
    except OSError as error:
        raise ChannelError(f"Cannot write {part}") from error
    return part


def register() -> None:
    """Let `filesystem://` mean this one, in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
