"""Credentials of the moment: what is sent, and how fresh ones are had."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate
from gitops_core.kubernetes_api.tickets import CalledTickets, FileTickets, FixedTickets, Ticket, basic, bearer

CERTIFICATE = Certificate(b"chain", b"key")


def test_a_token_is_sent_as_bearer_without_the_space_around_it() -> None:
    assert bearer(" abc\n", CERTIFICATE) == Ticket("Bearer abc", CERTIFICATE)
    assert bearer("") == Ticket()


@pytest.mark.parametrize("token", ["a\r\nX: y", "tökén", " \n"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bearer(token)
    assert token not in str(caught.value)


def test_user_and_password_are_sent_as_basic() -> None:
    assert base64.b64decode(basic("jane", "pä:ss").authorization.removeprefix("Basic ")).decode() == "jane:pä:ss"


def test_a_ticket_does_not_show_its_token() -> None:
    assert "abc" not in repr(bearer("abc", CERTIFICATE))


def test_a_fixed_ticket_has_no_successor() -> None:
    tickets = FixedTickets(bearer("abc"))
    assert tickets.current() == bearer("abc")
    assert tickets.renew(tickets.current()) is None


def test_a_function_is_asked_each_time() -> None:
    tokens = iter(["a", "b", "b"])
    tickets = CalledTickets(lambda: next(tokens), CERTIFICATE)
    first = tickets.current()
    assert first == bearer("a", CERTIFICATE)
    assert tickets.renew(first) == bearer("b", CERTIFICATE)
    assert tickets.renew(bearer("b", CERTIFICATE)) is None


def test_a_replaced_token_file_is_read_again(tmp_path: Path) -> None:
    file, fresh = tmp_path / "token", tmp_path / "fresh"
    file.write_text("one\n")
    tickets = FileTickets(file)
    assert tickets.current() is tickets.current()
    fresh.write_text("two\n")
    fresh.replace(file)
    assert tickets.current() == bearer("two")


def test_a_refused_token_is_looked_for_in_the_file_whatever_its_time_says(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    tickets, before = FileTickets(file), file.stat()
    refused = tickets.current()
    assert tickets.renew(refused) is None
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert tickets.renew(refused) == bearer("two")


def test_a_missing_token_file_is_told_when_it_is_named_and_later(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(ConfigError, match=f"token file {file}: No such file"):
        FileTickets(file)
    file.write_text("one")
    tickets = FileTickets(file)
    file.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        tickets.current()
