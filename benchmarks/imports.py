"""What it costs to install and to import kwatch, next to other clients of Kubernetes.

Needs a network, from which pip installs each of them, with what it requires, into a virtual
environment of its own::

    python -m benchmarks.imports

*import* is the time of an interpreter that imports what a watch needs, and *client* that of one
that also loads a kubeconfig and makes a client; from both, that of an interpreter that does nothing
is taken off. The rounds are interleaved, so that what else the machine does hits all of them.
Exit status: 1 if kwatch itself cannot be installed and run, else 0.
"""

import argparse
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from importlib.metadata import distributions
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.kubeconfig import kubeconfig

ROOT = Path(__file__).parents[1]
NOT_COUNTED = {"pip", "setuptools"}  # what a new environment has
SECONDS = 600.0  # for pip, or a program, at most


@dataclass(frozen=True)
class Library:
    """What to install, and the programs; in the second, ``sys.argv[1]`` names a kubeconfig."""

    distribution: str
    imports: str
    client: str
    source: str = ""  # where it is installed from; default: by its name


OWN = "kwatch"
LIBRARIES = {
    OWN: Library(
        "kwatch-stream",
        "import kwatch",
        "kwatch.KubeConfig.load(sys.argv[1]).client()",
        source=str(ROOT),
    ),
    "kubernetes": Library(
        "kubernetes",
        "from kubernetes import client, config, watch",
        "client.CoreV1Api(config.new_client_from_config(sys.argv[1]))",
    ),
    "kr8s": Library("kr8s", "import kr8s", "kr8s.api(kubeconfig=sys.argv[1])"),
    "lightkube": Library(
        "lightkube",
        "from lightkube import Client",
        "from lightkube import KubeConfig\nClient(config=KubeConfig.from_file(sys.argv[1]))",
    ),
    "kubernetes_asyncio": Library(
        "kubernetes_asyncio",
        "from kubernetes_asyncio import client, config, watch",
        "import asyncio\n"
        "async def main():\n"
        "    async with await config.new_client_from_config(sys.argv[1]) as api:\n"
        "        client.CoreV1Api(api)\n"
        "asyncio.run(main())",
    ),
    "kopf": Library(
        "kopf",
        "import kopf",
        "import asyncio, os\n"
        "from kopf._cogs.clients import auth\n"
        "os.environ['KUBECONFIG'] = sys.argv[1]\n"
        "info = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())\n"
        "async def main():\n"
        "    await auth.APIContext(info).close()\n"
        "asyncio.run(main())",
    ),
}


@dataclass(frozen=True)
class Size:
    """What installing and importing a library brings."""

    distributions: int
    megabytes: float
    modules: int


class Environment:
    """A new virtual environment with one library in it."""

    def __init__(self, folder: Path, library: Library, config: Path) -> None:
        self._library = library
        run(sys.executable, "-m", "venv", str(folder))
        self._paths = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
        self._python = str(Path(self._paths["scripts"]) / "python")
        what = library.source or library.distribution
        run(self._python, "-m", "pip", "install", "-q", "--disable-pip-version-check", what)
        client = f"import sys\n{library.imports}\n{library.client}"
        self.programs = {
            "nothing": self._program("pass"),
            "import": self._program(library.imports),
            "client": self._program(client, str(config)),
        }
        for program in self.programs.values():  # once, uncounted: that they work is seen here
            run(*program)

    def _program(self, code: str, *arguments: str) -> list[str]:
        """Isolated, since the current folder may be the source tree of kwatch."""
        return [self._python, "-I", "-c", code, *arguments]

    def size(self) -> tuple[str, Size]:
        """Give the version of the library, and what was counted."""
        folders = {self._paths["purelib"], self._paths["platlib"]}
        found = [it for it in distributions(path=list(folders)) if it.name not in NOT_COUNTED]
        version = next(it.version for it in found if it.name == self._library.distribution)
        files = [Path(str(it.locate_file(file))) for it in found for file in it.files or ()]
        size = sum(file.stat().st_size for file in files if file.is_file())
        count = (
            f"import sys\nbefore = len(sys.modules)\n{self._library.imports}\n"
            "print(len(sys.modules) - before)"
        )
        modules = int(run(*self._program(count)))
        return version, Size(len(found), size / 1e6, modules)


def run(*command: str) -> str:
    """Run a command to its end, and give what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    return done.stdout


def reason(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    """Say why a command failed: its last line."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took more than {SECONDS:g} s"
    lines: list[str] = (error.stdout + error.stderr).strip().splitlines()
    return lines[-1] if lines else f"exit status {error.returncode}"


@contextmanager
def installed(
    names: Iterable[str], tell: Callable[[str], None], *, keep: bool = False
) -> Iterator[tuple[dict[str, Environment], dict[str, str]]]:
    """Have the environments, and for each that cannot be made, why; tell that, too."""
    folder = Path(tempfile.mkdtemp(prefix="kwatch-imports-"))
    made, failed = {}, {}
    try:
        with kubeconfig(folder / "config.yaml") as config:
            for name in names:
                try:
                    made[name] = Environment(folder / name, LIBRARIES[name], config)
                except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                    failed[name] = f"cannot be installed and run: {reason(error)}"
                    tell(f"{name} {failed[name]}")
            yield made, failed
    finally:
        if keep:
            tell(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def milliseconds(command: list[str]) -> float:
    """Measure one run."""
    begun = perf_counter()
    run(*command)
    return (perf_counter() - begun) * 1000


Times = dict[tuple[str, str], list[float]]


def measure(made: dict[str, Environment], rounds: int) -> Times:
    """Run all programs so many times, each round beginning with another one; give the ms."""
    programs = {
        (name, what): program
        for name, environment in made.items()
        for what, program in environment.programs.items()
    }
    times: Times = {key: [] for key in programs}
    order = deque(programs)
    for _ in range(rounds):
        for key in order:
            times[key].append(milliseconds(programs[key]))
        order.rotate(1)
    return {
        (name, what): [x - y for x, y in zip(took, times[name, "nothing"], strict=True)]
        for (name, what), took in times.items()
        if what != "nothing"
    }


def report(made: dict[str, Environment], times: Times) -> None:
    """Print a line for each library; behind each figure its ratio to that of kwatch."""
    sizes = {name: environment.size() for name, environment in made.items()}
    print(f"{'':20}{'version':<10}{'distributions':>16}{'MB':>16}{'modules':>16}", end="")
    print(f"{'import, ms':>16}{'client, ms':>16}")
    for name, (version, size) in sizes.items():
        line = f"{name:20}{version:<10}"
        for figure, own in zip(astuple(size), astuple(sizes[OWN][1]), strict=True):
            line += cell(figure, figure / own)
        for what in ("import", "client"):
            took, owns = times[name, what], times[OWN, what]
            line += cell(median(took), median(x / y for x, y in zip(took, owns, strict=True)))
        print(line)


def cell(figure: float, ratio: float) -> str:
    """Write a figure and its ratio."""
    digits = 0 if isinstance(figure, int) or figure >= 100 else 1
    return f"{figure:,.{digits}f} ({ratio:.1f})".rjust(16)


def main() -> int:
    """Install, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    peers = [name for name in LIBRARIES if name != OWN]
    parser.add_argument("--peers", nargs="*", choices=peers, default=peers, metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="keep the environments; say where")
    options = parser.parse_args()
    with installed([OWN, *options.peers], print, keep=options.keep) as (made, _):
        if OWN not in made:
            return 1
        times = measure(made, options.rounds)
        print(f"Python {sys.version.split()[0]}, medians of {options.rounds} rounds")
        report(made, times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
