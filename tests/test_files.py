"""`kwatch._files`: who is warned of kubeconfigs that others may write to."""

import logging
import os
import stat
from pathlib import Path

import pytest

from kwatch._kubeconfig import KubeConfig
from tests.kubeconfigs import SECRET, config, write

pytestmark = [
    pytest.mark.usefixtures("nowhere"),
    pytest.mark.skipif(os.name == "nt", reason="the mode says nothing there"),
]


def warnings_of_loading(path: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged when a kubeconfig is loaded; each a warning of one line."""
    caplog.set_level(logging.DEBUG)
    KubeConfig.from_file(path)
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    messages = [record.getMessage() for record in caplog.records]
    assert "\n" not in "".join(messages)
    return [message.replace(str(path), "FILE") for message in messages]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644, 0o640, 0o755])
def test_a_file_that_its_owner_alone_may_write_to_is_no_reason_to_warn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    path = write(tmp_path, config(user={"token": SECRET}))
    path.chmod(mode)
    assert warnings_of_loading(path, caplog) == []


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o664, 0o666, 0o777])
def test_a_warning_says_that_others_may_write_to_a_file_and_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    path = write(tmp_path, config(user={"token": SECRET}))
    path.chmod(mode)
    problem = f"others may write to it (mode {mode:04o}), and so have this user run anything"
    assert warnings_of_loading(path, caplog) == [f"FILE: {problem}: chmod go-w"]


def test_a_warning_says_that_a_file_is_another_user_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, config())
    status = path.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: owned_by(status, 1234))
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    problem = "it belongs to another user, who can have this one run anything"
    assert warnings_of_loading(path, caplog) == [f"FILE: {problem}"]


@pytest.mark.parametrize("owner", [0, 4321])
def test_a_file_of_root_or_of_one_s_own_is_no_reason_to_warn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, owner: int
) -> None:
    path = write(tmp_path, config())
    path.chmod(0o600)
    status = path.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: owned_by(status, owner))
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert warnings_of_loading(path, caplog) == []


def owned_by(status: os.stat_result, owner: int) -> os.stat_result:
    """The same, for another owner: no test can give a file away unless root runs it."""
    fields = list(status)
    fields[stat.ST_UID] = owner
    return os.stat_result(fields)


def test_each_file_that_is_read_is_judged_and_none_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path / name, config(), name) for name in ("one", "two", "three")]
    for path in paths:
        path.chmod(0o666)
    token = write(tmp_path, "token", "token")  # names no program
    token.chmod(0o666)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths[:2])))
    KubeConfig.load()
    named = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert named == [str(path) for path in paths[:2]]


def test_a_link_is_judged_by_the_file_that_it_leads_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The mode of a link itself is 0777 everywhere."""
    path = write(tmp_path, config(), "there")
    path.chmod(0o600)
    link = tmp_path / "here"
    link.symlink_to(path)
    assert warnings_of_loading(link, caplog) == []


def test_a_name_with_a_percent_sign_is_said_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, config(), "100%s")
    path.chmod(0o666)
    [message] = warnings_of_loading(path, caplog)
    assert message.startswith("FILE: others may write to it (mode 0666)")
