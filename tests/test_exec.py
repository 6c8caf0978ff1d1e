"""`kwatch._exec` and `kwatch._user`: which plugins are run, and what they are told and print."""

import json
import math
import os
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kwatch import _exec
from kwatch._auth import KubeAuth
from kwatch._credential import Credential
from kwatch._errors import ConfigError
from kwatch._exec import ExecPlugin
from kwatch._kubeconfig import KubeConfig
from tests.https import serve
from tests.kubeconfigs import SECRET, Config, Fetch, b64, config, refusal, write
from tests.pki import Pki
from tests.plugins import V1, V1BETA1, Plugin, credential

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path / "plugins")


def load(folder: Path, entry: Config, cluster: Config | None = None) -> KubeAuth:
    """Give what a kubeconfig with this ``exec``, and this cluster, is loaded to."""
    content = config(cluster=cluster or {}, user={"exec": entry})
    auth = KubeConfig.from_file(write(folder, content)).auth
    assert isinstance(auth, KubeAuth)
    return auth


def source(folder: Path, entry: Config, **changes: Any) -> ExecPlugin:
    """Give the plugin of a kubeconfig, with these ``changes``: another clock, or terminal."""
    found = load(folder, entry).source
    assert isinstance(found, ExecPlugin)
    return replace(found, **changes)


def failure(plugin: ExecPlugin) -> str:
    """What is said of a run that gives no credential: one line that names the user, no secret."""
    with pytest.raises(ConfigError) as caught:
        plugin.fetch()
    message = str(caught.value)
    head, _, problem = message.partition("kubeconfig: user 'u': exec: ")
    assert os.path.isabs(head)
    assert problem.isprintable()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(plugin)
    return problem


# What is refused when a kubeconfig is loaded


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        *(
            ({"apiVersion": text}, f"apiVersion: expected {V1} or {V1BETA1}, got {text or ''!r}")
            for text in (None, "", "client.authentication.k8s.io/v1alpha1", "v1", V1.upper())
        ),
        ({"apiVersion": 1}, "apiVersion: expected str, got int"),
        *(
            (
                {"interactiveMode": text},
                "interactiveMode: expected one of ('Never', 'IfAvailable', 'Always'), "
                f"got {text or ''!r}",
            )
            for text in (None, "", "Sometimes", "never")
        ),
        ({"interactiveMode": False}, "interactiveMode: expected str, got bool"),
        ({"command": None}, "command: is not set"),
        ({"command": ""}, "command: is not set"),
        ({"command": ["aws"]}, "command: expected str, got list"),
        *(
            ({"command": text}, "command: holds a character that no program can be handed")
            for text in ("\0", "aws\0", "/bin/\0", "\ud800")
        ),
        ({"args": SECRET}, "args: expected list, got str"),
        ({"args": [SECRET, 5]}, "args[1]: expected str, got int"),
        ({"args": [SECRET, None]}, "args[1]: expected str, got NoneType"),
        ({"args": [SECRET + "\0"]}, "args: holds a character that no program can be handed"),
        ({"env": {SECRET: SECRET}}, "env: expected list, got dict"),
        ({"env": [SECRET]}, "env[0]: expected dict, got str"),
        *(
            ({"env": [{"name": "A"}, {"name": name, "value": SECRET}]}, f"env[1]: name: {problem}")
            for name, problem in [
                (None, "expected the name of a variable"),
                ("", "expected the name of a variable"),
                (f"A={SECRET}", "expected the name of a variable"),
                ("A\0", "holds a character that no program can be handed"),
                (5, "expected str, got int"),
            ]
        ),
        ({"env": [{"name": "A", "value": 5}]}, "env[0]: value: expected str, got int"),
        (
            {"env": [{"name": "A", "value": SECRET + "\0"}]},
            "env[0]: value: holds a character that no program can be handed",
        ),
        ({"installHint": [SECRET]}, "installHint: expected str, got list"),
        ({"provideClusterInfo": "yes"}, "provideClusterInfo: expected bool, got str"),
    ],
)
def test_a_field_that_cannot_be_used(
    tmp_path: Path, plugin: Plugin, change: Config, problem: str
) -> None:
    entry = plugin.entry(args=[SECRET], installHint=SECRET) | change
    path = write(tmp_path, config(user={"exec": entry}))
    assert refusal(path) == f"FILE: user 'u': exec: {problem}"


@pytest.mark.parametrize("value", ["aws", ["aws"], True])
def test_what_is_no_mapping_at_all(tmp_path: Path, value: Any) -> None:
    path = write(tmp_path, config(user={"exec": value}))
    assert refusal(path) == f"FILE: user 'u': exec: expected dict, got {type(value).__name__}"


def test_an_empty_mapping_is_no_plugin_and_not_nobody(tmp_path: Path) -> None:
    path = write(tmp_path, config(user={"exec": {}}))
    assert refusal(path).startswith("FILE: user 'u': exec: apiVersion: expected ")


def test_a_plugin_cannot_serve_a_server_that_is_reached_in_the_clear(
    tmp_path: Path, plugin: Plugin
) -> None:
    path = write(tmp_path, config("http://host", user={"exec": plugin.entry()}))
    assert refusal(path) == "FILE: user 'u': exec: cannot be sent over plain http"


def test_what_is_refused_is_refused_for_a_user_with_a_token_too(
    tmp_path: Path, plugin: Plugin
) -> None:
    user = {"token": "t", "exec": plugin.entry(apiVersion="v0")}
    assert ": exec: apiVersion: " in refusal(write(tmp_path, config(user=user)))


def test_a_plugin_is_not_run_when_it_is_loaded(tmp_path: Path, plugin: Plugin) -> None:
    load(tmp_path, plugin.entry())
    load(tmp_path, plugin.entry(command="is-not-there"))
    assert plugin.runs == []


# Which program is run


def test_a_path_is_relative_to_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there, here = Plugin(tmp_path / "there/bin"), Plugin(tmp_path / "bin")
    for command in ("bin/plugin", "./bin/plugin", "../there/bin/plugin"):
        source(Path("there"), there.entry(command=command)).fetch()
    assert (len(there.runs), here.runs) == (3, [])


def test_a_name_is_found_on_the_path(
    tmp_path: Path, plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [str(tmp_path / "empty"), str(plugin.path.parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    source(tmp_path, plugin.entry(command="plugin")).fetch()
    assert len(plugin.runs) == 1


@pytest.mark.parametrize("path", ["", ".", ":/nowhere", "/nowhere:", "/a::/b", "./", "../plugins"])
def test_a_name_is_never_found_in_the_working_directory(
    tmp_path: Path, plugin: Plugin, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(plugin.path.parent)
    monkeypatch.setenv("PATH", path)
    runnable = source(plugin.path.parent, plugin.entry(command="plugin"))
    assert failure(runnable) == "'plugin': is not on the PATH"
    assert plugin.runs == []


def test_the_path_that_counts_is_that_of_this_process(tmp_path: Path, plugin: Plugin) -> None:
    variables = [{"name": "PATH", "value": str(plugin.path.parent)}]
    runnable = source(tmp_path, plugin.entry(command="plugin", env=variables))
    assert failure(runnable) == "'plugin': is not on the PATH"


@pytest.mark.parametrize(
    ("command", "problem"),
    [("unknown", "is not on the PATH"), ("/un/known", "is not there")],
)
@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("", ""),
        ("pip install it", ": pip install it"),
        ("\n  Install it:\r\n\n\tpip install it\n", ": Install it: pip install it"),
        ("pip\a \x1b[1;31minstall\x1b[0m\b\0 \x9bit\x7f", ": pip install it"),
        ("é☃\xa0\u2028it", ": é☃ it"),
        ("\n", ""),
    ],
)
def test_a_missing_one_is_named_with_the_hint_in_one_line(
    tmp_path: Path, plugin: Plugin, command: str, problem: str, hint: str, shown: str
) -> None:
    entry = plugin.entry(command=command, installHint=hint)
    assert failure(source(tmp_path, entry)) == f"{command!r}: {problem}{shown}"


def test_a_command_with_control_characters_is_shown_without_them(
    tmp_path: Path, plugin: Plugin
) -> None:
    runnable = source(tmp_path, plugin.entry(command="aws\x1b[31m\n"))
    assert failure(runnable) == r"'aws\x1b[31m\n': is not on the PATH"


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"#!/bin/sh\n", 0o644, "Permission denied"),
        (b"#!/is/not/there\n", 0o755, "No such file or directory"),
        (SECRET.encode(), 0o755, "Exec format error"),
    ],
)
def test_a_file_that_is_no_program(
    tmp_path: Path, plugin: Plugin, content: bytes, mode: int, problem: str
) -> None:
    plugin.path.write_bytes(content)
    plugin.path.chmod(mode)
    runnable = source(tmp_path, plugin.entry(installHint=SECRET))
    assert failure(runnable) == f"{str(plugin.path)!r}: cannot be run: {problem}"


def test_a_folder_is_no_program(tmp_path: Path, plugin: Plugin) -> None:
    runnable = source(tmp_path, plugin.entry(command="./"))
    assert failure(runnable).endswith(": cannot be run: Permission denied")


def test_it_gets_its_arguments_as_they_are(tmp_path: Path, plugin: Plugin) -> None:
    arguments = ["eks", "get-token", "--name=a b", "$(id)", "`id`", "~", "'\"", ""]
    source(tmp_path, plugin.entry(args=arguments)).fetch()
    assert plugin.runs[0]["arguments"] == arguments


# What it is told


def test_its_variables_are_added_to_those_of_this_process_and_win(
    tmp_path: Path, plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_PROCESS", "process")
    monkeypatch.setenv("OF_BOTH", "process")
    variables = [
        {"name": "OF_BOTH", "value": "first"},
        {"name": "OF_BOTH", "value": "last = $HOME"},
        {"name": "EMPTY"},
        {"name": "KUBERNETES_EXEC_INFO", "value": "forged"},
    ]
    source(tmp_path, plugin.entry(env=variables)).fetch()
    environment = plugin.runs[0]["environment"]
    assert environment["OF_PROCESS"] == "process"
    assert environment["OF_BOTH"] == "last = $HOME"
    assert environment["EMPTY"] == ""
    assert plugin.info["kind"] == "ExecCredential"
    assert "EMPTY" not in os.environ
    assert "KUBERNETES_EXEC_INFO" not in os.environ


@pytest.mark.parametrize("provide", [None, False])
@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_it_is_told_nothing_of_the_cluster_unless_the_kubeconfig_says_so(
    tmp_path: Path, plugin: Plugin, version: str, provide: bool | None
) -> None:
    plugin.prints(credential("one", version=version))
    entry = plugin.entry(apiVersion=version, provideClusterInfo=provide)
    load(tmp_path, entry, {"tls-server-name": "api.example"}).renew()
    assert plugin.info == {
        "kind": "ExecCredential",
        "apiVersion": version,
        "spec": {"interactive": False},
    }


def told(folder: Path, plugin: Plugin, cluster: Config) -> Any:
    """Give what the plugin is told of a cluster."""
    load(folder, plugin.entry(provideClusterInfo=True), cluster).renew()
    assert plugin.info.keys() == {"kind", "apiVersion", "spec"}
    spec = plugin.info["spec"]
    assert spec.pop("interactive") is False
    return spec.pop("cluster")


@pytest.mark.parametrize(
    "cluster",
    [
        {},
        {"tls-server-name": "api.example"},
        {"insecure-skip-tls-verify": True},
        {"proxy-url": "http://user:password@proxy:3128"},
        {"disable-compression": True},
        {"proxy-url": "https://proxy", "disable-compression": True, "tls-server-name": "a.b"},
    ],
)
def test_it_is_told_of_the_cluster(tmp_path: Path, plugin: Plugin, cluster: Config) -> None:
    expected = {"server": "https://127.0.0.1:6443", **cluster}
    unset = {"tls-server-name": "", "insecure-skip-tls-verify": False, "extensions": []}
    assert told(tmp_path, plugin, unset | cluster) == expected


@pytest.mark.parametrize("server", ["https://HOST:443/a/path/", "localhost:6443"])
def test_it_is_told_of_the_server_as_it_is_written(
    tmp_path: Path, plugin: Plugin, server: str
) -> None:
    cluster = {"server": server, "tls-server-name": "", "insecure-skip-tls-verify": True}
    assert told(tmp_path, plugin, cluster)["server"] == server


def test_it_is_told_of_the_authority_by_its_content(
    tmp_path: Path, plugin: Plugin, pki: Pki
) -> None:
    data = b64(pki.root.pem)
    (tmp_path / "ca.crt").write_bytes(pki.root.pem)
    for authority in ({"certificate-authority": "ca.crt"}, {"certificate-authority-data": data}):
        expected = {"server": "https://127.0.0.1:6443", "certificate-authority-data": data}
        assert told(tmp_path, plugin, authority) == expected


def test_it_is_told_of_the_authority_that_is_in_the_file_when_it_is_run(
    tmp_path: Path, plugin: Plugin, pki: Pki
) -> None:
    path = tmp_path / "ca.crt"
    path.write_bytes(pki.root.pem)
    cluster = {"certificate-authority": str(path)}
    auth = load(tmp_path, plugin.entry(provideClusterInfo=True), cluster)
    path.write_bytes(pki.other_root.pem)
    auth.renew()
    given = plugin.info["spec"]["cluster"]["certificate-authority-data"]
    assert given == b64(pki.other_root.pem)


@pytest.mark.parametrize("value", [{"audience": ["a", 1, 1.5, None, True]}, "text", 5, [], None])
def test_it_is_told_what_the_cluster_has_for_plugins(
    tmp_path: Path, plugin: Plugin, value: Any
) -> None:
    extensions = [
        {"name": "another", "extension": SECRET},
        {"name": "client.authentication.k8s.io/exec", "extension": value},
    ]
    expected = {"server": "https://127.0.0.1:6443", "config": value}
    assert told(tmp_path, plugin, {"extensions": extensions}) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("!!timestamp 2024-01-31", "{!!timestamp 2024-01-31: a}", "!!binary eA==", "&a [*a]"),
        *("!!set {a, b}", ".nan", "[-.inf]"),
    ],
)
def test_what_is_no_json_cannot_be_told(tmp_path: Path, plugin: Plugin, value: str) -> None:
    text = f"""
current-context: a
contexts: [{{name: a, context: {{cluster: c, user: u}}}}]
clusters:
- name: c
  cluster:
    server: https://127.0.0.1
    extensions: [{{name: client.authentication.k8s.io/exec, extension: {value}}}]
users:
- name: u
  user:
    exec:
      {{apiVersion: {V1}, command: {plugin.path}, interactiveMode: Never, provideClusterInfo: %s}}
"""
    expected = "FILE: cluster 'c': extensions[0]: extension: cannot be written as JSON"
    assert refusal(write(tmp_path, text % "true")) == expected
    KubeConfig.from_file(write(tmp_path, text % "false"))


@pytest.mark.parametrize(
    ("extensions", "problem"),
    [
        ("text", "extensions: expected list, got str"),
        ([5], "extensions[0]: expected dict, got int"),
        ([{"name": 5}], "extensions[0]: name: expected str, got int"),
    ],
)
def test_extensions_of_another_type(
    tmp_path: Path, plugin: Plugin, extensions: Any, problem: str
) -> None:
    user = {"exec": plugin.entry(provideClusterInfo=True)}
    path = write(tmp_path, config(cluster={"extensions": extensions}, user=user))
    assert refusal(path) == f"FILE: cluster 'c': {problem}"


# Whether somebody answers it


@pytest.mark.parametrize(
    ("version", "mode", "terminal", "expected"),
    [
        (V1, "Never", True, False),
        (V1, "Never", False, False),
        (V1, "IfAvailable", True, True),
        (V1, "IfAvailable", False, False),
        (V1, "Always", True, True),
        (V1BETA1, None, True, True),
        (V1BETA1, None, False, False),
        (V1BETA1, "Never", True, False),
    ],
)
def test_whether_it_is_interactive(
    tmp_path: Path, plugin: Plugin, version: str, mode: str | None, terminal: bool, expected: bool
) -> None:
    plugin.prints(credential("one", version=version))
    entry = plugin.entry(apiVersion=version, interactiveMode=mode)
    source(tmp_path, entry, is_terminal=lambda: terminal).fetch()
    assert plugin.info["spec"] == {"interactive": expected}


def test_one_that_is_always_interactive_is_not_run_without_a_terminal(
    tmp_path: Path, plugin: Plugin
) -> None:
    entry = plugin.entry(interactiveMode="Always")
    expected = "interactiveMode: is Always, and standard input is no terminal"
    message = failure(source(tmp_path, entry, is_terminal=lambda: False))
    assert message == f"{str(plugin.path)!r}: {expected}"
    assert plugin.runs == []


@pytest.fixture
def standard_input() -> Iterator[int]:
    """Standard input, which a test may replace."""
    saved = os.dup(0)
    yield 0
    os.dup2(saved, 0)
    os.close(saved)


def test_standard_input_is_looked_at(tmp_path: Path, plugin: Plugin, standard_input: int) -> None:
    """A terminal, something else, nothing."""
    runnable = source(tmp_path, plugin.entry(interactiveMode="IfAvailable"))
    controller, terminal = os.openpty()
    for replacement in (terminal, os.open(os.devnull, os.O_RDONLY)):
        os.dup2(replacement, standard_input)
        os.close(replacement)
        runnable.fetch()
    os.close(standard_input)
    runnable.fetch()
    os.dup2(controller, standard_input)
    os.close(controller)
    infos = [json.loads(run["environment"]["KUBERNETES_EXEC_INFO"]) for run in plugin.runs]
    assert [info["spec"]["interactive"] for info in infos] == [True, False, False]
    assert [run["terminal"] for run in plugin.runs] == [True, False, False]


@pytest.mark.parametrize(("terminal", "seconds"), [(False, 0.2), (True, 0.3)])
def test_one_that_hangs_is_ended_later_if_somebody_has_to_answer(
    tmp_path: Path,
    plugin: Plugin,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    seconds: float,
) -> None:
    monkeypatch.setattr(_exec, "TIMEOUT", 0.2)
    monkeypatch.setattr(_exec, "INTERACTIVE_TIMEOUT", 0.3)
    entry = plugin.entry(interactiveMode="IfAvailable")
    runnable = source(tmp_path, entry, is_terminal=lambda: terminal)
    with plugin.held():
        problem = failure(runnable)
    assert problem == f"{str(plugin.path)!r}: did not end within {seconds} seconds"


# What it prints


def printed(folder: Path, plugin: Plugin, output: Any, **changes: Any) -> Credential:
    """Give what an output is taken for."""
    plugin.prints(output)
    return source(folder, plugin.entry(), **changes).fetch()


def unusable(folder: Path, plugin: Plugin, output: Any, **changes: Any) -> str:
    """Give what is said of an output."""
    plugin.prints(output)
    head, _, problem = failure(source(folder, plugin.entry(), **changes)).partition("': ")
    assert head == f"'{plugin.path}"
    return problem


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_a_token_is_a_credential(tmp_path: Path, plugin: Plugin, version: str) -> None:
    plugin.prints(credential("a-token", version=version))
    found = source(tmp_path, plugin.entry(apiVersion=version)).fetch()
    assert (found.authorization, found.expires_at) == ("Bearer a-token", math.inf)


def test_what_else_it_prints_does_not_matter(tmp_path: Path, plugin: Plugin) -> None:
    output = credential("one", clientCertificateData=None, clientKeyData="", more=[1])
    output |= {"spec": {"interactive": True}, "metadata": None}
    assert printed(tmp_path, plugin, output).authorization == "Bearer one"


@pytest.mark.parametrize(
    "output",
    [
        *("", " \n", SECRET, "{", "[]", "null", "5", f'"{SECRET}"', f'["{SECRET}"]'),
        *("[" * 99_999, "{'kind': 'ExecCredential'}", f"token: {SECRET}", "9" * 9999),
        *(b"\xff\xfe" + SECRET.encode(), SECRET.encode() + b"\0", b'{"kind": "\xff"}'),
        {"kind": "Secret", "apiVersion": V1, "status": {"token": SECRET}},
        {"kind": ["ExecCredential"], "apiVersion": V1, "status": {"token": SECRET}},
        {"kind": None, "apiVersion": V1, "status": {"token": SECRET}},
        *(f'{{"kind": "ExecCredential"}}{SECRET}', f"{SECRET}\n{credential(SECRET)}"),
    ],
)
def test_what_is_no_credential_at_all(tmp_path: Path, plugin: Plugin, output: Any) -> None:
    expected = "expected an ExecCredential in JSON, it printed none"
    assert unusable(tmp_path, plugin, output) == expected


@pytest.mark.parametrize("version", [V1BETA1, SECRET, "", None, 1, [V1]])
def test_a_credential_of_another_version(tmp_path: Path, plugin: Plugin, version: Any) -> None:
    problem = unusable(tmp_path, plugin, credential(SECRET, version=version))
    assert problem == f"expected apiVersion '{V1}', it printed another"


def test_a_credential_that_does_not_say_what_it_is(tmp_path: Path, plugin: Plugin) -> None:
    """It may leave out the kind, and not the version."""
    output = {"apiVersion": V1, "status": {"token": "one"}}
    assert printed(tmp_path, plugin, output).authorization == "Bearer one"
    problem = unusable(tmp_path, plugin, {"status": {"token": SECRET}})
    assert problem == f"expected apiVersion '{V1}', it printed another"


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (None, "token: is not set, and no clientCertificateData either"),
        ({}, "token: is not set, and no clientCertificateData either"),
        ({"token": ""}, "token: is not set, and no clientCertificateData either"),
        ({"Token": SECRET}, "token: is not set, and no clientCertificateData either"),
        ({"token": 5}, "token: expected str, got int"),
        ({"token": [SECRET]}, "token: expected str, got list"),
        *(
            ({"token": f"{SECRET}{text}"}, "token: a token is printable ASCII, this is not")
            for text in ("\n", "\r\nX: y", "\0", "é", "☃", "\ud800", "\x7f")
        ),
        (
            {"token": "t", "clientKeyData": SECRET},
            "clientCertificateData: is not set, but clientKeyData is",
        ),
        (
            {"token": "t", "clientCertificateData": SECRET},
            "clientKeyData: is not set, but clientCertificateData is",
        ),
        ({"token": "t", "clientKeyData": 5}, "clientKeyData: expected str, got int"),
        ({"clientCertificateData": {}}, "clientCertificateData: expected str, got dict"),
        ({"token": "t", "expirationTimestamp": 5}, "expirationTimestamp: expected str, got int"),
    ],
)
def test_a_status_that_holds_no_credential(
    tmp_path: Path, plugin: Plugin, status: Any, problem: str
) -> None:
    found = unusable(tmp_path, plugin, credential() | {"status": status})
    assert found == f"status: {problem}"


@pytest.mark.parametrize("status", [SECRET, [SECRET], 5])
def test_a_status_that_is_no_mapping(tmp_path: Path, plugin: Plugin, status: Any) -> None:
    problem = unusable(tmp_path, plugin, credential() | {"status": status})
    assert problem == f"status: expected dict, got {type(status).__name__}"


def test_no_status(tmp_path: Path, plugin: Plugin) -> None:
    output = {"kind": "ExecCredential", "apiVersion": V1, "token": SECRET}
    problem = unusable(tmp_path, plugin, output)
    assert problem == "status: token: is not set, and no clientCertificateData either"


@pytest.mark.parametrize("text", [SECRET, "-----BEGIN CERTIFICATE-----\n", "☃", "\ud800", "\0"])
def test_a_certificate_that_is_none(tmp_path: Path, plugin: Plugin, pki: Pki, text: str) -> None:
    key = pki.client.key_pem().decode()
    output = credential(clientCertificateData=text, clientKeyData=key)
    problem = unusable(tmp_path, plugin, output)
    assert problem.startswith("status: client-certificate: holds no PEM certificate: ")


@pytest.mark.parametrize("text", [SECRET, "-----BEGIN PRIVATE KEY-----\n", "☃", "another"])
def test_a_key_that_is_none_or_of_another_certificate(
    tmp_path: Path, plugin: Plugin, pki: Pki, text: str
) -> None:
    key = pki.server.key_pem().decode() if text == "another" else text
    output = credential(clientCertificateData=pki.client.pem.decode(), clientKeyData=key)
    problem = unusable(tmp_path, plugin, output)
    assert problem.startswith("status: client-key: is not the PEM key of the certificate: ")


def test_an_encrypted_key(tmp_path: Path, plugin: Plugin, pki: Pki) -> None:
    key = pki.client.key_pem(SECRET).decode()
    output = credential(clientCertificateData=pki.client.pem.decode(), clientKeyData=key)
    problem = unusable(tmp_path, plugin, output)
    assert problem == "status: client-key: is encrypted, and kwatch asks for no password"


@pytest.mark.parametrize(
    ("text", "expires_at"),
    [
        ("", math.inf),
        ("0001-01-01T00:00:00Z", math.inf),  # Go's zero time
        ("1970-01-01T00:16:41Z", 1001.0),
        ("2030-01-31T12:00:00Z", 1896091200.0),
        ("2030-01-31T12:00:00+02:00", 1896084000.0),
        ("2030-01-31T12:00:00.123456789Z", 1896091200.123456),
        ("9999-12-31T23:59:59Z", 253402300799.0),
        ("9999-12-31T23:59:59-12:00", 253402343999.0),
    ],
)
def test_until_when_it_may_be_used(
    tmp_path: Path, plugin: Plugin, text: str, expires_at: float
) -> None:
    output = credential("one", expirationTimestamp=text)
    found = printed(tmp_path, plugin, output, clock=lambda: 1000.0)
    assert found.expires_at == expires_at


@pytest.mark.parametrize(
    "text",
    [
        *(SECRET, "tomorrow", "2030-01-31", "12:00:00Z", "1896091200", "2030-02-30T12:00:00Z"),
        *("2030-01-31T12:00:00", "2030-01-31T12:00:00Z\n", "10000-01-01T00:00:00Z", "\0", "☃"),
        *("0000-01-01T00:00:00Z", "2030-01-31T12:00:00+99:00", "\ud800"),
    ],
)
def test_a_time_that_is_none(tmp_path: Path, plugin: Plugin, text: str) -> None:
    problem = unusable(tmp_path, plugin, credential(SECRET, expirationTimestamp=text))
    expected = "expected a time such as 2030-01-31T12:00:00Z, it is none"
    assert problem == f"status: expirationTimestamp: {expected}"


@pytest.mark.parametrize(
    "text",
    [
        *("1970-01-01T00:16:40Z", "1969-12-31T00:00:00Z"),
        *("0001-01-01T00:00:01Z", "0001-01-01T00:00:00+01:00"),
    ],
)
def test_a_time_that_is_past(tmp_path: Path, plugin: Plugin, text: str) -> None:
    output = credential(SECRET, expirationTimestamp=text)
    problem = unusable(tmp_path, plugin, output, clock=lambda: 1000.0)
    expected = "is past: check the plugin, and the clock of this machine"
    assert problem == f"status: expirationTimestamp: {expected}"


# How it fails


def test_a_failure_shows_the_exit_code_and_not_the_output(
    tmp_path: Path, plugin: Plugin, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin.prints(credential(SECRET), code=3, error=f"cannot log in: {SECRET}\n")
    problem = failure(source(tmp_path, plugin.entry()))
    assert problem == f"{str(plugin.path)!r}: failed with exit code 3"
    assert capfd.readouterr() == ("", f"cannot log in: {SECRET}\n")


def test_neither_output_nor_arguments_are_logged_or_shown(
    tmp_path: Path, plugin: Plugin, pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    variables = [{"name": "A", "value": SECRET}]
    auth = load(tmp_path, plugin.entry(args=[SECRET], env=variables, installHint=SECRET))
    plugin.prints(credential(SECRET))
    auth.renew()
    plugin.prints(credential(f"{SECRET}\n"))
    auth.renew()
    assert len(caplog.records) == 1
    assert SECRET not in caplog.text + repr(auth) + repr(auth.source) + repr(auth.source.fetch)
    assert repr(str(plugin.path)) in caplog.text


def test_too_much_output_is_a_failure(tmp_path: Path, plugin: Plugin) -> None:
    problem = unusable(tmp_path, plugin, SECRET * 100_000)
    assert problem == "prints more than 1048576 bytes"


# To a server


def identity(pki: Pki, name: str) -> Config:
    """What a plugin prints that gives a certificate."""
    issued = pki.issue(name, pki.root)
    return credential(
        clientCertificateData=issued.pem.decode(), clientKeyData=issued.key_pem().decode()
    )


def test_a_certificate_is_shown_to_the_server(
    tmp_path: Path, plugin: Plugin, pki: Pki, fetch: Fetch
) -> None:
    plugin.prints(identity(pki, "alice"))
    with serve(pki.server, pki.root) as server:
        cluster = {"certificate-authority-data": b64(pki.root.pem)}
        content = config(server.url, cluster, {"exec": plugin.entry()})
        seen = fetch(KubeConfig.from_file(write(tmp_path, content))).json()
    assert seen["client"] == {"commonName": "alice"}
    assert seen["authorization"] is None


def test_a_certificate_and_a_token_are_shown_together(
    tmp_path: Path, plugin: Plugin, pki: Pki, fetch: Fetch
) -> None:
    output = identity(pki, "alice")
    output["status"]["token"] = "t"
    plugin.prints(output)
    with serve(pki.server, pki.root) as server:
        cluster = {"certificate-authority-data": b64(pki.root.pem)}
        content = config(server.url, cluster, {"exec": plugin.entry()})
        seen = fetch(KubeConfig.from_file(write(tmp_path, content))).json()
    assert (seen["client"], seen["authorization"]) == ({"commonName": "alice"}, "Bearer t")


def test_a_401_brings_another_certificate_on_a_new_connection(
    tmp_path: Path, plugin: Plugin, pki: Pki
) -> None:
    plugin.prints(identity(pki, "alice"))
    answers = iter([200, 200, 401, 200])
    with serve(pki.server, pki.root) as server:
        server.answer = lambda headers: next(answers)
        cluster = {"certificate-authority-data": b64(pki.root.pem)}
        content = config(server.url, cluster, {"exec": plugin.entry()})
        with KubeConfig.from_file(write(tmp_path, content)).client() as client:
            first, second = client.get("/").json(), client.get("/").json()
            plugin.prints(identity(pki, "bob"))
            third = client.get("/").json()
    names = [seen["client"]["commonName"] for seen in (first, second, third)]
    assert names == ["alice", "alice", "bob"]
    assert first["peer"] == second["peer"] != third["peer"]
    assert len(plugin.runs) == 2
