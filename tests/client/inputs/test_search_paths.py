"""Search paths as compilers tell them, and the files from which they have read options meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files
from twisted_distcc.client.inputs import search_paths
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import Answer
from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.pump.search import SearchPath
from twisted_distcc.pump.unit import OwnConfigurationError
from twisted_distcc.runtime.processes import ReactorSpawner

SAID = """Configuration file: /opt/clang.cfg
{}#include "..." search starts here:
#include <...> search starts here:
 /usr/include
End of search list.
"""


class ConfigurationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(search_paths, "ask", self.ask)
        self.files = Files({"/p/w.c": "", "/p/my.cfg": "", "/opt/clang": "", "/opt/clang.cfg": ""})
        self.searches = SearchPaths(self.files, ReactorSpawner(MemoryReactorClock()))

    async def ask(self, _spawn: object, _compiler: object, words: Sequence[str], *_: object) -> Answer:
        """Answer as clang, which has a file of options for one target, and one for all."""
        read = [word for word in words if word.endswith(".cfg")]
        read += ["/opt/i386.cfg"] if "-m32" in words else []
        said = SAID.format("".join(f"Configuration file: {path}\n" for path in read))
        return Answer(0, b"#define __clang__ 1\n", said.encode())

    def search(self, options: str) -> Deferred[SearchPath]:
        argv = ("clang", *options.split(), "-c", "w.c")
        candidate = Candidate.of(Invocation(argv, "/p", {}, 0o22), "/opt/clang")
        return Deferred.fromCoroutine(self.searches.of(candidate))

    def test_known(self) -> None:
        """What is read without options is part of the compiler, and what the command names is sent."""
        for options, more in (("-O2", ()), ("--config /p/my.cfg", ("/p/my.cfg",))):
            found = self.successResultOf(self.search(options))
            self.assertEqual(found.configurations, ("/opt/clang.cfg", *more), options)

    def test_of_this_machine(self) -> None:
        """What is read for a target alone no server is known to have, whatever it is sent."""
        failure = self.failureResultOf(self.search("-m32"), OwnConfigurationError)
        self.assertIn("/opt/i386.cfg", str(failure.value))
