"""A hub that cannot be reached is noticed once, before its client asks for each file of a model again and again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from spa2v.core import hub

constants = pytest.importorskip("huggingface_hub.constants")


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.reachable.cache_clear()
    yield
    hub.reachable.cache_clear()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_the_client_is_offline_while_nobody_answers(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    server.close()
    with hub.without_waiting():
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE


def test_the_client_asks_a_hub_that_answers(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    with hub.without_waiting():
        assert not constants.HF_HUB_OFFLINE


def test_behind_a_proxy_the_client_finds_out_itself(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.close()
    assert hub.reachable()
