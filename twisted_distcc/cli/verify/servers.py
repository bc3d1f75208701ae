"""The servers that the user has listed.

`listed_servers` returns the settings for a client to use these servers only, even if the list includes
this machine: what is compiled here proves nothing.  The system-wide list does not count: distributions
fill it with an example, a server on this machine that rarely exists.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted_distcc.client.hosts import BadHostsError, HostList, Localhost
from twisted_distcc.client.hosts_grammar import SYSTEM_HOSTS, find_hosts
from twisted_distcc.client.inputs.candidate import read_text


def listed_servers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set for the client; none if no server is listed.

    Raises:
        BadHostsError: if a word is invalid: otherwise a server would silently be left out.
    """
    hosts = find_hosts({"HOME": os.path.expanduser("~"), **environ}, _read_text)
    if hosts.bad:
        raise BadHostsError(str(hosts.warnings[0]))
    words = [str(host) for host in hosts.hosts if not isinstance(host, Localhost)]
    if not (words or hosts.zeroconf):
        return {}
    return {"DISTCC_HOSTS": " ".join([*words, *_options(hosts)])}


def _options(hosts: HostList) -> list[str]:
    limits = [f"--localslots={hosts.localslots}", f"--localslots_cpp={hosts.localslots_cpp}"]
    found = {"": [], "plain": ["+zeroconf"], "tls": ["+zeroconf,tls"]}[hosts.zeroconf]
    return [*limits, *(["--randomize"] if hosts.randomize else []), *found]


def _read_text(path: str) -> str | None:
    return None if path == SYSTEM_HOSTS else read_text(path)
