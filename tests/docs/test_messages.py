"""What messages advise exists: each command, option, setting and environment variable that a text of the package names."""

from __future__ import annotations

import re

import pytest

from fabric_livy_magic.settings import METHODS
from tests.docs.test_reference import documented_variables
from tests.support.doc_blocks import spoken
from tests.support.messages import PUT_IN, texts

ADVICE = [
    (one, said)
    for one in texts()
    for said in re.findall(r"`([^`\n]+)`", one.text)
    if re.match(r"%{1,4}livy\b|%{1,4}livy_|fabric-livy ", said)
]


def test_the_package_gives_advice() -> None:
    assert len(ADVICE) > 150


def test_each_command_that_is_advised_exists() -> None:
    problems = {(one.where, said): problem(said) for one, said in ADVICE if problem(said)}
    assert problems == {}


def problem(said: str) -> str:
    return spoken(re.sub(r"^%+livy\b", "%livy", said.replace(PUT_IN, "…")))  # argparse writes a % as two


def test_an_environment_variable_that_is_advised_is_documented() -> None:
    named = {
        (name, one.where)
        for one in texts()
        for name in re.findall(r"\b(?:FABRIC_LIVY|AZURE)_[A-Z][A-Z_]*[A-Z]\b", one.text)
        if PUT_IN not in one.text[one.text.index(name) + len(name) :][: len(PUT_IN)]
    }
    assert len(named) > 20
    assert {one for one in named if one[0] not in documented_variables()} == set()


def test_a_sign_in_method_that_is_advised_exists() -> None:
    advised = {name for one in texts() for name in re.findall(r"--method ([a-z-]+)", one.text)}
    assert advised
    assert advised <= set(METHODS)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("%livy begin", "there is no %livy begin"),
        ("%livy start --quick", "%livy start has no option --quick"),
        ("%livy config rows", "there is no setting rows"),
        ("%livy batch halt 1", "there is no %livy batch halt"),
        ("%livy files cp --deep", "%livy files cp has no option --deep"),
        ("%%livy_perl", "there is no %%livy_perl"),
        ("%%livy_sql -z", "%livy_sql has no option -z"),
        ("fabric-livy go", "there is no fabric-livy go"),
        ("fabric-livy run x --slow", "fabric-livy run has no option --slow"),
        ("fabric-livy config set speed 3", "there is no setting speed"),
    ],
)
def test_advice_that_does_not_exist_is_found(said: str, expected: str) -> None:
    assert spoken(said) == expected
