"""What messages advise on each kind of server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.target_words import OF_APACHE_LIVY, OF_FABRIC, TargetWords
from tests.support.fabrics_words import words_of_fabric
from tests.support.fakes import FakeFabric


def texts(words: TargetWords) -> Iterator[str]:
    for one in dataclasses.asdict(words).values():
        yield from one.values() if isinstance(one, dict) else [one]


def test_no_message_for_apache_livy_speaks_of_fabric() -> None:
    for text in texts(OF_APACHE_LIVY):
        assert not words_of_fabric(text.replace("FABRIC_LIVY_PASSWORD", "")), text
    assert any(words_of_fabric(text) for text in texts(OF_FABRIC))


def test_each_server_has_words_for_the_same() -> None:
    assert OF_FABRIC.endings.keys() == OF_APACHE_LIVY.endings.keys()
    assert all(texts(OF_APACHE_LIVY))
    assert all(texts(OF_FABRIC))


@pytest.fixture
def fake() -> Iterator[FakeFabric]:
    fake = FakeFabric(apache=True)
    yield fake
    fake.stop()


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (401, "", OF_APACHE_LIVY.sign_in),
        (403, "", OF_APACHE_LIVY.no_access),
        (404, "", OF_APACHE_LIVY.address),
        (430, '{"msg": "full"}', OF_APACHE_LIVY.full),
        (200, "<html><title>A proxy</title></html>", OF_APACHE_LIVY.address),
        (200, "[]", OF_APACHE_LIVY.address),
    ],
)
def test_a_failed_call_of_apache_livy_is_told_in_its_words(
    fake: FakeFabric, status: int, body: str, advice: str
) -> None:
    fake.fault("GET", "/sessions", status=status, body=body)
    client = LivyClient(LivyHttp(fake.url), Dialect.APACHE_LIVY).with_short_timeouts()
    with pytest.raises(FabricLivyError) as caught:
        client.list_sessions()
    assert advice in str(caught.value)
    assert not words_of_fabric(str(caught.value))
