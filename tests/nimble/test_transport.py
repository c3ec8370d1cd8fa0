"""What may be asked, and how an answer is read: against a real socket that behaves as badly as it likes."""

import gzip
import json
import socket
import threading
import time

import pytest

from nimble import errors, transport
from tests.nimble.wire import answer, cut, self_signed, serving, silent


@pytest.fixture
def get(settings):
    """Asks the given server for something, with a token that must go nowhere else."""

    def ask(url: str, *, method: str = "GET", path: str = "/api/v1/myself", timeout=(2.0, 2.0), **request):
        settings.NIMBLE_BASE_URL = url
        return transport.send(method, path, operation="test", token="SECRET-TOKEN", timeout=timeout, **request)

    return ask


def test_answer_is_parsed_and_described(get):
    with serving(answer(200, {"user_id": "u1"})) as wire:
        content, exchange = get(wire.url)
    assert content == {"user_id": "u1"}
    assert (exchange.operation, exchange.method, exchange.status, exchange.size) == ("test", "GET", 200, 17)
    [asked] = wire.asked
    assert asked.headers["authorization"] == "Bearer SECRET-TOKEN"
    assert asked.headers["x-request-id"] == exchange.request_id
    assert "SECRET" not in asked.target


def test_empty_answer_is_an_empty_object(get):
    with serving(answer(200, b"")) as wire:
        assert get(wire.url)[0] == {}


def test_body_is_json_with_every_character(get):
    sent = {"note": "Zoë 👩‍👩‍👧 \u202e \ud800"}
    with serving(answer()) as wire:
        get(wire.url, method="POST", path="/api/v1/contact", body=sent)
    assert json.loads(wire.asked[0].body) == sent
    assert wire.asked[0].headers["content-type"] == "application/json"


def test_parameters_that_are_none_are_not_sent(get):
    with serving(answer()) as wire:
        get(wire.url, path="/api/v1/contacts", params={"page": 2, "sort": None, "keyword": "a&b=c"})
    assert wire.asked[0].target == "/api/v1/contacts?page=2&keyword=a%26b%3Dc"


def test_cookies_are_not_kept(get):
    with serving(answer(200, {}, Set_Cookie="sid=1; Path=/")) as wire:
        get(wire.url)
        get(wire.url)
    assert ["cookie" in asked.headers for asked in wire.asked] == [False, False]


def test_environment_is_not_trusted(get, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving(answer()) as wire:
        assert get(wire.url)[0] == {}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_an_error_and_not_followed(get, status):
    with serving(answer()) as elsewhere, serving(answer(status, b"", Location=elsewhere.url + "/api/v1/x")) as wire:
        with pytest.raises(errors.Redirected):
            get(wire.url)
        assert elsewhere.asked == []


def test_connection_refused_is_unreachable(get):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(errors.Unreachable) as caught:
        get(f"http://127.0.0.1:{port}", method="POST", path="/api/v1/contact", body={})
    assert (caught.value.retryable, caught.value.ambiguous) == (True, False)


def test_host_that_does_not_speak_tls_gets_no_token(get):
    heard = []

    def hear(connection):
        heard.append(connection.recv(65536))

    with serving(hear) as wire, pytest.raises(errors.NimbleError):
        get(wire.url.replace("http:", "https:"), method="POST", path="/api/v1/contact", body={})
    assert wire.asked == []
    assert b"SECRET" not in b"".join(heard)


def test_certificate_that_is_not_trusted_gets_no_token(get, tmp_path):
    with serving(answer(), certificate=self_signed(tmp_path)) as wire, pytest.raises(errors.Unreachable):
        get(wire.url, method="POST", path="/api/v1/contact", body={})
    assert wire.asked == []


@pytest.mark.parametrize(("method", "ambiguous"), [("GET", False), ("POST", True), ("PUT", True), ("DELETE", True)])
def test_cut_connection_is_no_answer(get, method, ambiguous):
    with serving(cut) as wire, pytest.raises(errors.NoAnswer) as caught:
        get(wire.url, method=method, path="/api/v1/contact/c1")
    assert (caught.value.retryable, caught.value.ambiguous) == (True, ambiguous)
    assert len(wire.asked) == 1


def test_silence_is_no_answer(get):
    with serving(silent) as wire, pytest.raises(errors.NoAnswer) as caught:
        get(wire.url, timeout=(0.2, 0.2))
    assert caught.value.exchange.seconds < 0.9


def test_drip_is_no_answer(get):
    """Each packet is in time, the whole of them is not."""

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(30):
            connection.sendall(b" ")
            time.sleep(0.1)

    with serving(drip) as wire, pytest.raises(errors.NoAnswer) as caught:
        get(wire.url, timeout=(0.3, 0.3))
    assert caught.value.exchange.seconds < 1.5


@pytest.mark.parametrize("how", ["length", "chunked"])
def test_body_that_ends_early_is_no_answer(get, how):
    head = b"Content-Length: 500" if how == "length" else b"Transfer-Encoding: chunked"
    body = b'{"a": 1' if how == "length" else b'1f4\r\n{"a": 1'
    with serving(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body) as wire, pytest.raises(errors.NoAnswer):
        get(wire.url)


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>Log in</title>",
        b'{"a": ',
        b'{"a": NaN}',
        b"[" * 100_000,
        b"\xff\xfe\xfa{",
        b'["a", "list"]',
        b'"text"',
        b"null",
    ],
)
def test_unreadable_answer_with_200(get, body):
    with serving(answer(200, body)) as wire, pytest.raises(errors.BadAnswer) as caught:
        get(wire.url)
    assert caught.value.status == 200


def test_unreadable_answer_to_a_write_may_have_been_applied(get):
    with serving(answer(200, b"<html>")) as wire, pytest.raises(errors.BadAnswer) as caught:
        get(wire.url, method="POST", path="/api/v1/contact", body={})
    assert caught.value.ambiguous


def test_error_page_in_html_keeps_its_status(get):
    with serving(answer(502, b"<html>Bad gateway</html>")) as wire, pytest.raises(errors.ServerError) as caught:
        get(wire.url)
    assert caught.value.status == 502


def test_gzip_is_read(get):
    with serving(answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")) as wire:
        assert get(wire.url)[0] == {"a": 1}


def test_gzip_bomb_is_not_unpacked(get):
    bomb = gzip.compress(b" " * (400 * 1024 * 1024), compresslevel=1)
    with serving(answer(200, bomb, Content_Encoding="gzip")) as wire, pytest.raises(errors.AnswerTooLarge) as caught:
        get(wire.url, timeout=(5.0, 20.0))
    assert not caught.value.retryable


def test_answer_over_the_limit_is_not_read_to_its_end(get):
    sent = 0

    def flood(connection):
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while sent < 200 * 1024 * 1024:
            sent += connection.send(b" " * 65536)

    with serving(flood) as wire, pytest.raises(errors.AnswerTooLarge):
        get(wire.url, timeout=(5.0, 20.0))
    assert sent < 40 * 1024 * 1024


@pytest.mark.parametrize(
    "url",
    [
        "http://app.nimble.com",
        "http://127.0.0.1.evil.test",
        "https://user:pass@app.nimble.com",
        "https://app.nimble.com@evil.test",
        "https://app.nimble.com/path",
        "https://app.nimble.com?x=1",
        "ftp://127.0.0.1",
        "app.nimble.com",
        "",
    ],
)
def test_base_url_that_is_refused(get, url):
    with pytest.raises(transport.Denied):
        get(url)


@pytest.mark.parametrize("url", ["https://app.nimble.com", "https://app.nimble.com/", "http://[::1]:80"])
def test_base_url_that_is_accepted(url):
    assert transport.origin(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test/api/v1/myself",
        "//evil.test/api/v1/myself",
        "@evil.test/api/",
        "/oauth/authorize",
        "/api/../oauth/x",
        "/api/v1/%2e%2e/x",
        "/api//evil",
        "/api/v1\\x",
        "/api/v1/a b",
        "/api/v1/a\r\nX: y",
        "/api/v1/%0d%0a",
    ],
)
def test_path_that_is_refused(get, path):
    with serving(answer()) as wire, pytest.raises(transport.Denied):
        get(wire.url, path=path)
    assert wire.asked == []


def test_quoted_blank_in_a_path_is_sent(get):
    with serving(answer()) as wire:
        get(wire.url, path="/api/2/deals/tags/Spring%20sale")
    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/v1/contacts"),
        ("DELETE", "/api/v1/contacts/"),
        ("delete", "/api/v1/contacts?query=x"),
        ("DELETE", "/api/v1/%63ontacts"),
        ("POST", "/api/v2/deals/tags"),
        ("POST", "/api/2/deals/tags"),
        ("POST", "/api/v2/deals/%74ags/"),
    ],
)
def test_operations_that_are_never_sent(get, method, path):
    with serving(answer()) as wire, pytest.raises(transport.Denied):
        get(wire.url, method=method, path=path)
    assert wire.asked == []


@pytest.mark.parametrize(("value", "expected"), [("5f1", "5f1"), ("?q#", "%3Fq%23")])
def test_segment_is_one_segment(value, expected):
    assert transport.segment(value) == expected


@pytest.mark.parametrize("value", ["", ".", "..", " ", "... ", "a/b", "..\\x"])
def test_segment_that_is_refused(value):
    with pytest.raises(transport.Denied):
        transport.segment(value)


def test_error_carries_neither_token_nor_cause(get):
    with serving(cut) as wire, pytest.raises(errors.NoAnswer) as caught:
        get(wire.url)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "SECRET" not in repr(caught.value) + str(caught.value)


def test_each_thread_has_a_session_of_its_own():
    sessions = []
    thread = threading.Thread(target=lambda: sessions.append(transport._session()))
    thread.start()
    thread.join()
    assert sessions[0] is not transport._session()
    assert transport._session() is transport._session()
