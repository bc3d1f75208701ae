"""A compiler's search path for headers, queried from the compiler itself once per set of options.

`SearchPaths.of` returns the `SearchPath` of a `Candidate`.  An answer is for one state of the compiler's
file, and for one set of the options that affect it (`pump.search` knows which); what has not been asked
for lately is forgotten.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import ask
from twisted_distcc.client.inputs.found_by_files import configured
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.pump.search import SearchPath, question
from twisted_distcc.pump.unit import (
    FileSystem,
    NotForServersError,
    OwnConfigurationError,
    UndecidedError,
)
from twisted_distcc.runtime.processes import Spawner

# Sets of options that are cached: a large build has a few dozen.
_MOST: Final = 1000

_Key = tuple[object, ...]


class SearchPaths:
    """A cache of search paths.

    Args:
        files: used to check whether a compiler is still the same.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._answers: Bounded[_Key, SearchPath] = Bounded(_MOST)
        self._asking: Shared[_Key, SearchPath] = Shared()

    async def of(self, candidate: Candidate) -> SearchPath:
        """Return the search path of `candidate`.

        Raises:
            NotForServersError: if the compiler does not report it.
            OwnConfigurationError: if options for the target are from a file of this machine.
            CannotStartError: if there is no such compiler.
        """
        path = await self._of(candidate)
        own = set(path.configurations).difference(map(os.path.abspath, candidate.explicit.driver_rules))
        if own:  # the files of a compiler without options are part of it
            argv = (candidate.invocation.argv[0], "-c", "unit.c")
            bare = replace(candidate.invocation, argv=argv)
            usual = await self._of(Candidate.of(bare, candidate.compiler))
            if lacking := own.difference(usual.configurations):
                raise OwnConfigurationError(min(lacking))
        return path

    async def _of(self, candidate: Candidate) -> SearchPath:
        try:
            words = question(candidate.explicit)
            key = self._key(candidate, words)
            answer = self._answers.get(key)
            if answer is None or not answer.holds(self._files):
                return await self._asking.get(key, lambda: self._ask(candidate, key, words))
        except UndecidedError as error:
            raise NotForServersError(str(error)) from error
        self._answers[key] = answer  # will be forgotten last
        return answer

    def _key(self, candidate: Candidate, words: tuple[str, ...]) -> _Key:
        environ = candidate.invocation.environ
        c = candidate.explicit
        read = (candidate.compiler, *c.driver_rules, *configured(c, self._files))
        stamps = tuple(map(self._files.stamp, read))
        return candidate.compiler, stamps, words, environ.get("PATH"), environ.get("SDKROOT")

    async def _ask(self, candidate: Candidate, key: _Key, words: tuple[str, ...]) -> SearchPath:
        environ = {**candidate.explicit_environ, "LC_ALL": "C"}
        invocation = candidate.invocation
        answer = await ask(self._spawn, candidate.compiler, words, invocation, environ)
        if answer.status:
            raise NotForServersError("the compiler does not say where it searches for headers")
        path = SearchPath.parse(answer.stdout, answer.stderr, invocation.directory)
        self._answers[key] = path
        return path
