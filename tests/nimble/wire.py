"""A server that answers exactly what a test tells it to, byte by byte where need be, and remembers what it heard."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Reply = bytes | Callable[[socket.socket], None]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """`replies` are used up one a request; the last one is repeated."""

    url: str
    replies: list[Reply]
    asked: list[Asked] = field(default_factory=list)

    def reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def answer(status: int = 200, content: object = None, **headers: str) -> bytes:
    """A whole HTTP answer; `content` is JSON unless it is bytes."""
    body = content if isinstance(content, bytes) else json.dumps({} if content is None else content).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def silent(_connection: socket.socket) -> None:
    """Reads the request and says nothing for a while."""
    time.sleep(1)


def cut(_connection: socket.socket) -> None:
    """Reads the request and closes without a word."""


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(encoding)
    )
    return path


@contextmanager
def serving(*replies: Reply, certificate: Path | None = None) -> Iterator[Wire]:
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener = context.wrap_socket(listener, server_side=True)
        scheme = "https"
    wire = Wire(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", list(replies))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _address = listener.accept()
            except ssl.SSLError:
                continue  # The client did not like the certificate.
            except OSError:
                return
            with connection:
                asked = _read(connection)
                if asked is None:
                    continue
                wire.asked.append(asked)
                reply = wire.reply()
                try:
                    if isinstance(reply, bytes):
                        connection.sendall(reply)
                    else:
                        reply(connection)
                except OSError:
                    pass  # The client had enough.

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, target, _version = first.split(" ")
    return Asked(method, target, headers, body)
