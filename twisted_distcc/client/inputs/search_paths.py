"""Where a compiler searches for headers: asked from the compiler itself, once per set of options.

In: a `Sendable`.  Out: its `SearchPath`.  An answer is for one state of the compiler's file, and for one
set of the options that bear on it; what nobody asked for lately is forgotten.  This module refuses
to know which options these are.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from twisted_distcc.client.inputs.candidate import Sendable
from twisted_distcc.client.inputs.compiler_probe import ask
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.pump.search import SearchPath, question
from twisted_distcc.pump.unit import FileSystem, NotForServersError, UndecidedError
from twisted_distcc.runtime.processes import Spawner

# Sets of options that are remembered: a large build has some dozens.
_MOST: Final = 1000

_Key = tuple[object, ...]


class SearchPaths:
    """The answers that one process has had.

    Args:
        files: tells whether a compiler is still the same.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._answers: OrderedDict[_Key, SearchPath] = OrderedDict()
        self._asking: Shared[_Key, SearchPath] = Shared()

    async def of(self, sendable: Sendable) -> SearchPath:
        """Give the search path of `sendable`.

        Raises:
            NotForServersError: if the compiler does not tell it.
            CannotStartError: if there is no such compiler.
        """
        try:
            words = question(sendable.explicit)
            key = self._key(sendable, words)
            answer = self._answers.get(key)
            if answer is None or not answer.holds(self._files):
                return await self._asking.get(key, lambda: self._ask(sendable, key, words))
        except UndecidedError as error:
            raise NotForServersError(str(error)) from error
        self._answers.move_to_end(key)
        return answer

    def _key(self, sendable: Sendable, words: tuple[str, ...]) -> _Key:
        environ = sendable.invocation.environ
        stamp = self._files.stamp(sendable.compiler)
        return sendable.compiler, stamp, words, environ.get("PATH"), environ.get("SDKROOT")

    async def _ask(self, sendable: Sendable, key: _Key, words: tuple[str, ...]) -> SearchPath:
        environ = {**sendable.explicit_environ, "LC_ALL": "C"}
        invocation = sendable.invocation
        answer = await ask(self._spawn, sendable.compiler, words, invocation, environ)
        if answer.status:
            raise NotForServersError("the compiler does not say where it searches for headers")
        path = SearchPath.parse(answer.stdout, answer.stderr, invocation.directory)
        self._answers[key] = path
        if len(self._answers) > _MOST:
            self._answers.popitem(last=False)
        return path
