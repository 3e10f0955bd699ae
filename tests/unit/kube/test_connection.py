"""The connection to the API server, against a small HTTP server: credentials, errors, limits.

What the API server itself does with our writes is tested on a real one, in tests/integration.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
import yaml
from aiohttp import web
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import incluster_config

from gallery_operator.kube.client import Kube
from gallery_operator.kube.connection import Connection, Identity
from gallery_operator.kube.errors import Conflict, Expired, Forbidden, KubeError, NotFound, Unavailable

TOKEN = "eyJhbGciOiJSUzI1NiJ9.first.token"

Answer = Callable[[web.Request], web.StreamResponse]


class Server:
    """An HTTP server whose answer a test sets, and the requests it got."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[web.Request] = []
        self.answer: Answer = lambda _: web.json_response({"ok": True})
        self.delay = 0.0
        self.at_once = 0
        self.most_at_once = 0

    async def start(self, tls: ssl.SSLContext | None = None) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.port = runner.addresses[0][1]
        return runner

    @property
    def tokens(self) -> list[str]:
        return [request.headers["Authorization"].split()[-1] for request in self.requests]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.delay)
        self.at_once -= 1
        return self.answer(request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    runner = await server.start()
    yield server
    await runner.cleanup()


def kubeconfig(folder: Path, port: int) -> Path:
    (folder / "token").write_text(TOKEN)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"tokenFile": str(folder / "token")}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
async def connection(server: Server, tmp_path: Path) -> AsyncIterator[Connection]:
    connection = Connection(Identity(kubeconfig(tmp_path, server.port)), in_flight=3)
    await connection.open()
    yield connection
    await connection.close()


def status(code: int, message: str = "it is so", **headers: str) -> Answer:
    body = {"kind": "Status", "code": code, "message": message, "details": {"causes": [{"reason": "Cause"}]}}
    return lambda _: web.json_response(body, status=code, headers=headers)


async def test_a_request_carries_token_name_and_body_and_gives_the_answer(
    server: Server, connection: Connection
) -> None:
    answer = await connection.send("PATCH", "/apis/x", query={"force": "true"}, body={"a": [1]}, content_type="a/json")
    assert answer == {"ok": True}
    (request,) = server.requests
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["User-Agent"].startswith("gallery-operator/")
    assert request.headers["Content-Type"] == "a/json"
    assert request.query == {"force": "true"}
    assert await request.json() == {"a": [1]}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, KubeError),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Expired),
        (422, KubeError),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_an_error_says_what_was_asked_and_answered_and_shows_no_header(
    server: Server, connection: Connection, code: int, error: type[KubeError]
) -> None:
    server.answer = status(code, Secretive="header")
    with pytest.raises(KubeError) as caught:
        await connection.send("GET", "/apis/x")
    assert type(caught.value) is error
    assert str(caught.value) == f"GET /apis/x: {code} it is so"


async def test_forbidden_names_the_servers_first_cause(server: Server, connection: Connection) -> None:
    server.answer = status(403)
    with pytest.raises(Forbidden) as caught:
        await connection.send("POST", "/x")
    assert caught.value.reason == "Cause"


async def test_a_page_of_some_proxy_is_not_quoted(server: Server, connection: Connection) -> None:
    server.answer = lambda _: web.Response(status=502, text="<html>secret</html>")
    with pytest.raises(Unavailable, match=r"^GET /x: 502$"):
        await connection.send("GET", "/x")


async def test_an_answer_that_is_no_json_is_no_answer(server: Server, connection: Connection) -> None:
    server.answer = lambda _: web.Response(text="<html>secret</html>")
    with pytest.raises(Unavailable, match="no JSON"):
        await connection.send("GET", "/x")


async def test_a_long_message_is_cut(server: Server, connection: Connection) -> None:
    server.answer = status(422, "x" * 100_000)
    with pytest.raises(KubeError) as caught:
        await connection.send("GET", "/x")
    assert len(str(caught.value)) == 1024


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999", 600),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 600),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
async def test_retry_after_is_read_in_both_forms_and_bounded(
    server: Server, connection: Connection, header: str | None, seconds: float | None
) -> None:
    server.answer = status(429, **({"Retry-After": header} if header is not None else {}))
    with pytest.raises(Unavailable) as caught:
        await connection.send("GET", "/x")
    assert caught.value.retry_after == seconds


async def test_a_server_that_is_away_is_unavailable_and_nothing_leaks(tmp_path: Path) -> None:
    server = Server()
    await (await server.start()).cleanup()
    connection = Connection(Identity(kubeconfig(tmp_path, server.port)))
    await connection.open()
    with pytest.raises(Unavailable, match="ClientConnectorError") as caught:
        await connection.send("GET", "/x")
    await connection.close()
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_connection_that_breaks_off_is_unavailable(server: Server, connection: Connection) -> None:
    def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answer = cut
    with pytest.raises(Unavailable):
        await connection.send("PATCH", "/x", body={})


async def test_no_more_requests_are_in_flight_than_allowed(server: Server, connection: Connection) -> None:
    server.delay = 0.02
    await asyncio.gather(*(connection.send("GET", f"/{number}") for number in range(12)))
    assert server.most_at_once == 3
    assert len(server.requests) == 12


async def test_a_rotated_token_file_is_read_again_when_the_server_refuses_the_old_token(
    server: Server, connection: Connection, tmp_path: Path
) -> None:
    server.answer = lambda request: (
        web.json_response({"ok": True})
        if request.headers["Authorization"] == "Bearer second"
        else web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
    )
    (tmp_path / "token").write_text("second")
    assert await connection.send("GET", "/x") == {"ok": True}
    assert server.tokens == [TOKEN, "second"]


async def test_credentials_that_stay_wrong_are_tried_twice_and_then_forbidden(
    server: Server, connection: Connection
) -> None:
    server.answer = status(401, "Unauthorized")
    with pytest.raises(Forbidden) as caught:
        await connection.send("GET", "/x")
    assert len(server.requests) == 2
    assert TOKEN not in str(caught.value)


async def test_in_a_pod_the_service_accounts_token_is_used_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    (tmp_path / "token").write_text("first")
    server = Server()
    runner = await server.start(tls)
    server.answer = lambda request: web.json_response({}, status=200 if len(server.requests) != 2 else 401)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    connection = Connection(Identity())
    await connection.open()

    await connection.send("GET", "/x")
    (tmp_path / "token").write_text("second")
    await connection.send("GET", "/x")
    assert server.tokens == ["first", "first", "second"]

    await connection.close()
    await runner.cleanup()


async def test_the_librarys_token_hook_reads_the_file_again_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The `kubernetes` library does this for pods; an upgrade must not lose it."""
    (tmp_path / "ca.crt").write_text("x")
    (tmp_path / "token").write_text("first")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    configuration = Configuration()
    await Identity().load(configuration)
    (tmp_path / "token").write_text("second")
    assert await configuration.get_api_key_with_prefix("BearerToken") == "bearer first"

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now() + timedelta(seconds=61)  # noqa: DTZ005 - as the library calls it

    monkeypatch.setattr("kubernetes.aio.config.incluster_config.datetime.datetime", Later)
    assert await configuration.get_api_key_with_prefix("BearerToken") == "bearer second"


async def test_without_any_configuration_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeError, match="no usable Kubernetes configuration"):
        await Connection(Identity(tmp_path / "missing")).open()


async def test_a_list_whose_moment_was_forgotten_starts_again_once(server: Server, tmp_path: Path) -> None:
    def page(request: web.Request) -> web.StreamResponse:
        if "continue" not in request.query:
            item = {"metadata": {"namespace": "ns", "name": "a", "uid": "u", "resourceVersion": "1"}}
            return web.json_response({"metadata": {"continue": "next"}, "items": [item]})
        if len(server.requests) == 2:
            return status(410)(request)
        return web.json_response({"metadata": {}, "items": []})

    server.answer = page
    kube = await Kube.connect(kubeconfig(tmp_path, server.port))
    assert await kube.list_metadata("Gallery") == {("ns", "a"): ("u", "1")}
    assert [request.query.get("continue") for request in server.requests] == [None, "next", None, "next"]
    await kube.close()


async def test_names_are_escaped_in_paths(server: Server, tmp_path: Path) -> None:
    kube = await Kube.connect(kubeconfig(tmp_path, server.port))
    await kube.get("Gallery", "ns", "../../secrets/x?y")
    assert server.requests[0].raw_path.endswith("/namespaces/ns/galleries/..%2F..%2Fsecrets%2Fx%3Fy")
    await kube.close()
