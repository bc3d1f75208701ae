"""Build the bubblewrap command that confines a compiler.

`Walls` turns what a job should see and run into arguments for bubblewrap.  Nothing is started here.

The job gets namespaces of its own of every kind.  What is not shown to it does not exist there: its root
is empty but for the toolchain, read-only, two devices, and its folder, a file system in memory that ends
with it.  Its object leaves by a descriptor that it was given, so nothing outside ever follows a name
that a compiler has made.

The shell is the first process of its namespace: when it ends, the kernel ends all others before anybody
hears of it, and bubblewrap reaps it.  A process of bubblewrap's own in its place would be left, as a
zombie, to whoever is the first process outside, which in a container may be the server.

There is no `/proc`: compilers do without, and it would tell of the machine (its mounts, its memory, its
kernel's command line) and lead to the descriptors of the shell that started the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.toolchain.view import View

# Descriptors, in addition to the standard streams.
STATUS: Final = 3
FILTER: Final = 4
SOURCE: Final = 5
OBJECT: Final = 6
TIMES: Final = 7
RULES: Final = 8

OUTPUT: Final = "output.o"
DEPENDENCIES: Final = "output.d"
ELSEWHERE: Final = "/build"
"""The job's folder, if the client's own path cannot be used."""

DEVICES: Final = ("/dev/null", "/dev/urandom")
_PROC: Final = ("--proc", "/proc", "--remount-ro", "/proc")
_HOST: Final = "sandbox"
_OWN: Final = ("/proc/", "/dev/")
_TEMPORARY: Final = "/tmp"  # noqa: S108  (the job's own, in its own root)

# What bubblewrap says stays outside: who has a `/proc` can write to what is open in the shell.  The
# shell's own `exec` would keep it from telling the times.
_RUN: Final = f"""
exec {STATUS}>&- {FILTER}>&- {SOURCE}>&-
"$@" {OBJECT}>&- {TIMES}>&- {RULES}>&-
status=$?
times >&{TIMES}
[ $status = 0 ] || exit $status
"""


def _hand_out(path: str, descriptor: int, command: str = "cat") -> str:
    """Return shell code that passes a file out, unless it is a link or does not exist."""
    return f"if [ -f {path} ] && [ ! -L {path} ]; then {command} {path} >&{descriptor} || exit; fi\n"


def _shown(view: View) -> Iterator[str]:
    """Yield the options that show `view`, links first; all of it is read-only."""
    for link, target in view.links:
        yield from ("--symlink", target, link)
    for path in view.mounts:
        yield from ("--ro-bind", path, path)


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs that set up the sandbox, and of those used inside."""

    bubblewrap: str
    shell: str
    cat: str

    @property
    def within(self) -> tuple[str, str]:
        """The programs used inside the sandbox."""
        return self.shell, self.cat


@dataclass(frozen=True, slots=True)
class Walls:
    """The sandbox settings that all jobs of one compiler share.

    Attributes:
        programs: the programs that set it up.
        view: what can be seen.
        limits: how much can be used.
        filtered: whether a seccomp filter is passed on the descriptor `FILTER`.
        has_proc: whether there is a `/proc`, of the job's own processes, for compilers that need one.
    """

    programs: Programs
    view: View
    limits: Limits
    filtered: bool
    has_proc: bool = False

    def folder(self, wanted: str | None) -> str:
        """Return the job's folder: `wanted`, unless it would hide something or cannot be created."""
        if wanted is None or wanted in ("/", _TEMPORARY) or not self.view.is_free(wanted):
            return ELSEWHERE
        return ELSEWHERE if f"{wanted}/".startswith(_OWN) else wanted

    def argv(self, folder: str, source: str, length: int, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` in `folder`.

        Args:
            folder: its working directory, the only place where it can write.
            source: the name of the file there that gets the data from `SOURCE`.
            length: the length of the source in bytes, which is allowed for in addition.
            command: the compiler and its arguments; its output is called `OUTPUT`.
        """
        return [
            *self._namespaces(),
            *_shown(self.view),
            *self._beside(),
            *self._temporary(folder),
            *("--size", str(self.limits.space + length), "--tmpfs", folder),
            *("--file", str(SOURCE), f"{folder}/{source}"),
            *("--remount-ro", "/", "--chdir", folder, "--"),
            *(self.programs.shell, "-c", self._script(_hand_out(OUTPUT, OBJECT, "exec cat")), "sh"),
            *command,
        ]

    def argv_over(
        self, root: str, system: Sequence[str], own: str, directory: str, command: Sequence[str]
    ) -> list[str]:
        """Return the command line that runs `command` with a tree as the root.

        Args:
            root: the folder of the tree; it has mount points for everything that is mounted over it,
                without links on the way, which bubblewrap would follow on this machine.
            system: further paths to show, as they are on this machine.
            own: the job's folder, the only place where it can write.
            directory: its working directory.
            command: the compiler and its arguments; it makes `OUTPUT` and `DEPENDENCIES` in `own`.
        """
        hand_out = _hand_out(f"{own}/{OUTPUT}", OBJECT), _hand_out(f"{own}/{DEPENDENCIES}", RULES)
        return [
            *self._namespaces(),
            *("--ro-bind", root, "/"),
            *(word for path in (*self.view.mounts, *system) for word in ("--ro-bind", path, path)),
            *self._beside(),
            *("--size", str(self.limits.space), "--tmpfs", own, "--chdir", directory, "--"),
            *(self.programs.shell, "-c", self._script(*hand_out), "sh"),
            *command,
        ]

    def _script(self, *hand_out: str) -> str:
        return "".join((self.limits.script(own_processes=True), _RUN, *hand_out))

    def _beside(self) -> tuple[str, ...]:
        """Return options for devices, and for `/proc` if needed, which is mounted read-only."""
        devices = (word for device in DEVICES for word in ("--dev-bind", device, device))
        return (*devices, *(_PROC if self.has_proc else ()))

    def _temporary(self, folder: str) -> tuple[str, ...]:
        """Return options that make `/tmp` a link to the job's folder, unless something is there."""
        stands = folder.startswith(f"{_TEMPORARY}/") or not self.view.is_free(_TEMPORARY)
        return () if stands else ("--symlink", folder, _TEMPORARY)

    def _namespaces(self) -> list[str]:
        return [
            self.programs.bubblewrap,
            *("--unshare-all", "--unshare-user", "--as-pid-1", "--die-with-parent", "--new-session"),
            *("--cap-drop", "ALL", "--hostname", _HOST, "--json-status-fd", str(STATUS)),
            *(("--seccomp", str(FILTER)) if self.filtered else ()),
        ]
