"""A server's settings, as one frozen value.

`parsing` makes a `ServerConfig` from options and environment variables, which nothing below it reads.
The files that they name are read here: the command list and the policy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.policy.access import AllowList
from twisted_distcc.policy.command_list import BadCommandListError, CommandList
from twisted_distcc.policy.rules import Policy, allow_users
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Ceilings

if TYPE_CHECKING:
    from twisted_distcc.server.options.account import Account
    from twisted_distcc.server.options.stats_config import StatsConfig
    from twisted_distcc.server.options.tls_config import TlsConfig

Sandboxing: TypeAlias = Literal["auto", "require", "off"]

_FALLBACK_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def default_jobs() -> int:
    """Return two more than there are processors, as some jobs are always waiting for the network."""
    return (os.cpu_count() or 1) + 2


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A server's settings.

    Attributes:
        allow: which addresses may connect.
        listen: addresses to listen on; if empty, all of IPv4 and IPv6.
        port: TCP port; 0 lets the system choose.
        jobs: how many compilers may run at once.
        folders: where compilers are looked for, in this order.
        commands: the administrator's command list, if there is one.
        any_command: whether clients may name any command, not just compilers.
        compiler_root: a folder below which `folders` and absolute paths are resolved, or "".
        job_lifetime: seconds that one compiler may run; `None` for no limit.
        lifetime: seconds that the server lives; `None` for no limit.
        nice: nice level, added to the one that it is started with.
        oom_score_adj: OOM-killer score adjustment; `None` leaves it as it is.
        pid_file: the path for the file with its process id, if any.
        sandbox: whether compilers run in a sandbox: `auto` if possible, `require` or refuse to start,
            `off` never.
        sandbox_program: what makes it, `jail` or `bubblewrap`; `None` for the first one that works.
        limits: how much of the machine a job may use, unless the sandbox is off.
        policy: the administrator's rules, if there are any.
        audit_log: the path for the log of all jobs, if any.
        tls: the port for clients with certificates, if there is one.
        zeroconf: whether it announces itself on its networks.
        stats: where statistics are served, if they are.
        ceilings: how much it holds for its clients.
        deadlines: how long clients may take.
        account: the user that it becomes if it is root; `None` if it is not.
    """

    allow: AllowList
    listen: tuple[str, ...]
    port: int
    jobs: int
    folders: tuple[str, ...]
    commands: CommandList | None = None
    any_command: bool = False
    compiler_root: str = ""
    job_lifetime: float | None = None
    lifetime: float | None = None
    nice: int = 0
    oom_score_adj: int | None = None
    pid_file: str | None = None
    sandbox: Sandboxing = "auto"
    sandbox_program: str | None = None
    limits: Limits = field(default_factory=Limits)
    policy: Policy | None = None
    audit_log: str | None = None
    tls: TlsConfig | None = None
    zeroconf: bool = False
    stats: StatsConfig | None = None
    ceilings: Ceilings = field(default_factory=Ceilings)
    deadlines: Deadlines = field(default_factory=Deadlines)
    account: Account | None = None


def search_path(environ: Mapping[str, str], compiler_root: str) -> tuple[str, ...]:
    """Return the folders to look for compilers in, below `compiler_root`; relative ones are left out."""
    text = environ.get("DISTCCD_PATH") or environ.get("PATH") or _FALLBACK_PATH
    root = compiler_root.rstrip("/")
    return tuple(root + folder for folder in text.split(":") if os.path.isabs(folder))


def command_list(environ: Mapping[str, str]) -> CommandList | None:
    """Read the list that `DISTCC_CMDLIST` names, if it names one.

    Raises:
        DistccError: if it is unusable.
        OSError: if it cannot be read.
    """
    path = environ.get("DISTCC_CMDLIST")
    if not path:
        return None
    words = environ.get("DISTCC_CMDLIST_NUMWORDS", "1")
    if not words.isdecimal():
        raise BadCommandListError(f"DISTCC_CMDLIST_NUMWORDS is {words!r}; it must be a whole number")
    with open(path, "rb") as file:
        return CommandList.parse(os.fsdecode(file.read()).split("\n"), int(words))


def read_policy(path: str) -> Policy:
    """Read the policy in the file `path`.

    Raises:
        BadPolicyError: if it cannot be read, or is invalid.
    """
    # Not at the top: twistd-stdio starts once per job, mostly without a policy.
    from twisted_distcc.policy.reading import BadPolicyError, parse_policy

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise BadPolicyError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadPolicyError(f"{path}: this is not UTF-8 text") from None
    return parse_policy(text, path)


def policy_of(path: str | None, users: Sequence[str]) -> Policy | None:
    """Return the policy of the options `--policy` and `--allow-user`; `None` without either.

    Raises:
        BadPolicyError: if the file is unusable.
    """
    if path:
        return read_policy(os.path.abspath(path))
    return allow_users(tuple(users)) if users else None
