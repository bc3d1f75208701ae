"""What messages quote, where a precompiled header may have been read."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import Files, compilation
from twisted_distcc.client.inputs.candidate import StaysHere
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.client.results.quoted_files import check_quoted
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply
from twisted_distcc.pump.laying import lay
from twisted_distcc.pump.unit import Unit

FILES = Files({"/p/w.c": "", "/p/old.h": "", "/p/all.h.gch": "", "/p/sub/all.h": ""})
SENT = ("/p/w.c", "/p/all.h.gch", "/p/sub/all.h")


class QuotedFilesTests(SynchronousTestCase):
    def check(self, said: str, *, precompiled: bool = True, status: int = 0) -> None:
        stamps = {path: stamp for path in SENT if (stamp := FILES.stamp(path))}
        used = frozenset({"/p/all.h.gch"} if precompiled else ())
        unit = Unit(stamps, frozenset({"/p"}), precompiled=used)
        found = Found("/p", unit, lay(unit, FILES), {}, compilation("gcc -c w.c"))
        check_quoted(found, Reply(status, stderr=Body.of(said.encode())), FILES)

    def test_sent(self) -> None:
        """Files that were sent may be quoted, by any name, and files that are nowhere are not."""
        self.check("w.c:3:4: warning: x\n    3 | int old.h:3;\n")
        self.check(
            "In file included from ./w.c:1,\n                 from sub/../w.c:2:\nsub/all.h:1: x\n"
        )
        self.check("gone.h:3:4: warning: x\ncc1: warning: y\n")

    def test_not_sent(self) -> None:
        """A file that is here, and was not sent, has the unit compiled here."""
        for said in (
            "old.h:3:4: warning: x\n",
            "In file included from old.h:1:\n",
            "w.c:1: x\n                 from /p/old.h:2:\n",
            "\x1b[01m\x1b[Kold.h:3:4:\x1b[m\x1b[K x\n",
            '[{"kind": "warning"}]\n',
        ):
            self.assertRaises(StaysHere, self.check, said)
            self.check(said, precompiled=False)
            self.check(said, status=256)
