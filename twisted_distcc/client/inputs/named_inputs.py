"""The files that a command names itself, other than headers: can servers be sent them?

`check_named` takes a `Candidate`, and raises with the reason if a file that an option names cannot be
sent, or if what is in it would not mean the same elsewhere.  `preprocessed_unit` is all that a source
needs which includes nothing any more.
"""

from __future__ import annotations

import os
from dataclasses import replace

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.driver_rules import rules_forbid
from twisted_distcc.cmdline.preprocessed import source_forbids
from twisted_distcc.pump.callers import check_callers_own
from twisted_distcc.pump.search import SearchPath
from twisted_distcc.pump.text import written_from
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Unit


def check_named(candidate: Candidate, files: FileSystem) -> None:
    """Check that the files that options name can be sent, and that rules mean the same elsewhere.

    Raises:
        NotForServersError: if not.
    """
    c, plugins = candidate.compilation, filter(os.path.isabs, candidate.plugins)
    for name in c.driver_rules:
        if not os.path.isabs(name):
            raise NotForServersError(f"compilers look for the rules {name} among their own files")
    for name in (*c.listed_inputs, *plugins):
        if files.stamp(candidate.absolute(name)) is None:
            raise NotForServersError(f"{name} is no file that can be read")
    for name in c.driver_rules if c.family is not Family.CLANG else ():
        reason = rules_forbid(os.fsdecode(files.read(name) or b""))
        if reason is not None:
            raise NotForServersError(f"{name}: {reason}")


def preprocessed_unit(c: Compilation, directory: str, files: FileSystem) -> Unit:
    """Return the unit of a source that is preprocessed already, and so includes nothing.

    gcc's messages quote the files that it was made from, if they still exist.

    Raises:
        NotForServersError: if it cannot be sent.
    """
    source = os.path.join(directory, c.source)
    stamp, text = files.stamp(source), files.read(source)
    if stamp is None or text is None:
        raise NotForServersError(f"{source} cannot be read")
    if reason := source_forbids(text):
        raise NotForServersError(reason)
    found = {source: stamp}
    named = [os.path.join(directory, one) for one in (*written_from(text), *c.listed_inputs)]
    check_callers_own(named, files)
    for path in named:
        if (there := files.stamp(path)) is not None:
            found[path] = there
    return Unit(found, frozenset({os.path.dirname(source)}))


def with_needed(unit: Unit, search: SearchPath, files: FileSystem) -> Unit:
    """Return `unit` with the files by which clang recognizes the GCC installation that it uses.

    They decide which features of a processor it takes to be there.
    """
    stamps = {path: files.stamp(path) for path in map(os.path.normpath, search.needed)}
    found = {path: stamp for path, stamp in stamps.items() if stamp is not None}
    return replace(unit, files={**unit.files, **found})
