"""Addresses that clients choose lead into the public internet, or nowhere."""

import socket
from typing import Any

import pytest

from operations.addresses import AddressRefused, target_of

PUBLIC = "93.184.215.14"
INSIDE = [
    "https://127.0.0.1/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[4000::1]/",
    "https://192.88.99.1/",
    "https://[fc00::1]/",
    "https://0.0.0.0/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://2130706433/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.2.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
]
NOT_ADDRESSES = [
    "",
    "shop.example",
    "//shop.example/",
    "https://",
    "https:///hooks",
    "http://shop.example/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "https://shop.example:5432/",
    "https://shop.example:99999/",
    "https://user@shop.example/",
    "https://user:secret@shop.example/",
    "https://shop.example/#part",
    "https://shop.example/a b",
    "https://shop.example\\@127.0.0.1/",
    "https://shöp.example/",
    "https://shop.example/\r\nX: 1",
    "https://[::1/",
]


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Answer each look-up with the next list of addresses; return the hosts that were asked for."""
    asked: list[str] = []
    left = list(answers)

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class TestTargetOf:
    @pytest.mark.bad_input("B34")
    @pytest.mark.parametrize("url", INSIDE)
    def test_refuses_what_leads_inside_however_it_is_written(self, url: str) -> None:
        with pytest.raises(AddressRefused):
            target_of(url)

    @pytest.mark.bad_input("B34")
    @pytest.mark.parametrize("url", NOT_ADDRESSES)
    def test_refuses_what_is_no_public_https_address(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        resolving(monkeypatch, [PUBLIC])

        with pytest.raises(AddressRefused):
            target_of(url)

    @pytest.mark.bad_input("B34")
    def test_refuses_a_name_of_which_one_answer_leads_inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resolving(monkeypatch, [PUBLIC, "10.0.0.1"])

        with pytest.raises(AddressRefused, match="not public"):
            target_of("https://shop.example/")

    def test_refuses_a_name_without_an_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nobody(*_: Any, **__: Any) -> Any:
            raise socket.gaierror("no such name")

        monkeypatch.setattr(socket, "getaddrinfo", nobody)

        with pytest.raises(AddressRefused, match="no address"):
            target_of("https://shop.example/")

    def test_says_where_to_connect_and_what_to_ask_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resolving(monkeypatch, [PUBLIC])

        target = target_of("https://shop.example/hooks?a=1")

        assert (target.ip, target.host, target.port, target.path, target.secure) == (
            PUBLIC,
            "shop.example",
            443,
            "/hooks?a=1",
            True,
        )

    def test_lets_everything_through_where_a_development_setting_says_so(self, settings: Any) -> None:
        settings.WEBHOOK_PRIVATE_ADDRESSES = True

        assert target_of("http://127.0.0.1:5000/hooks").port == 5000
