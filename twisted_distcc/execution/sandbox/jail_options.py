"""The options of our own jail (`jail.c`): how the parts of an `Enclosure` are told to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.enclosure import DEVICES, FILTER, OBJECT, SOURCE, Enclosure

_MOST: Final = 256  # views that are remembered: to put their options together takes a while


def all_options(enclosure: Enclosure) -> Iterator[str]:
    """Return all options of a job, in their order."""
    if enclosure.has_proc:  # who knows what such a compiler makes and runs
        yield "--executable"
    yield from _root(enclosure)
    yield from shown(enclosure.links, enclosure.mounts, enclosure.view.within)
    if enclosure.has_proc:
        yield "--proc"
    yield from folder(enclosure)
    yield from source(enclosure)
    yield from limited(enclosure.limits)
    if enclosure.is_filtered:
        yield from ("--filter", str(FILTER))
    yield from outputs(enclosure)


def _root(enclosure: Enclosure) -> tuple[str, ...]:
    if enclosure.root is None:
        return ()
    if not enclosure.is_changeable:
        return ("--root", enclosure.root)
    room = (str(enclosure.space), str(enclosure.limits.files))
    return ("--changeable", enclosure.root, *room, "--changes", str(OBJECT))


@lru_cache(_MOST)
def shown(
    links: tuple[tuple[str, str], ...], mounts: tuple[str, ...], within: str = ""
) -> tuple[str, ...]:
    """Return the options for what is seen of the host, or of its folder `within`."""
    options = [
        *(("--link", target, link) for link, target in links),
        *(("--bring", f"{within}{path}", path) if within else ("--show", path) for path in mounts),
        *(("--device", path) for path in DEVICES),
    ]
    return tuple(word for option in options for word in option)


def folder(enclosure: Enclosure) -> tuple[str, ...]:
    """Return the option for the job's folder."""
    return ("--folder", enclosure.folder, str(enclosure.space), str(enclosure.limits.files))


def source(enclosure: Enclosure) -> Iterator[str]:
    """Return the options for the job's source, and for where the job begins."""
    if enclosure.source is not None:
        yield from ("--source", enclosure.source, str(SOURCE))
    yield from ("--directory", enclosure.directory)


@lru_cache(_MOST)
def limited(limits: Limits) -> tuple[str, ...]:
    """Return the options for what the job can use."""
    options = (
        ("--limit", name, str(soft), str(hard)) for name, (soft, hard) in limits.by_resource().items()
    )
    return tuple(word for option in options for word in option)


def outputs(enclosure: Enclosure) -> Iterator[str]:
    """Return the options for what leaves the job's folder."""
    for name, descriptor in enclosure.outputs.items():
        yield from ("--output", name, str(descriptor))
