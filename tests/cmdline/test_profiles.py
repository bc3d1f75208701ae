"""Where gcc looks for profiles; the paths are those of gcc 11 and 12 under strace."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import compilation
from twisted_distcc.cmdline.profiles import profiles


class ProfileTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """By the object's name, with marks in place of slashes if it is in a folder of profiles."""
        for options, path in (
            ("-fprofile-use", "/s/w.gcda"),
            ("-fbranch-probabilities -o obj/x.y.o", "/s/obj/x.y.gcda"),
            ("-fprofile-use -o /o/z", "/o/z.gcda"),
            ("-fprofile-use -o .o", "/s/.o.gcda"),
            ("-fprofile-use=p -o w.o", "/s/p/#s#w.gcda"),
            ("-fprofile-use=p/ -S -o obj/u.s", "/s/p//#s#obj#u.gcda"),
            ("-fprofile-use=/p -o ../q/./w.o", "/p/#s#^#q#.#w.gcda"),
            ("-fprofile-use=p -o /o/z.o", "/s/p//o/z.gcda"),
            ("-fprofile-use=p -o /o/z.o", "/s/p/#o#z.gcda"),
            ("-fprofile-use -fprofile-dir=p", "/s/p/#s#w.gcda"),
            ("-fprofile-use=p -fprofile-prefix-path=/s", "/s/p/w.gcda"),
            ("-fauto-profile", "/s/fbdata.afdo"),
        ):
            self.assertIn(path, profiles(compilation(f"gcc -c w.c {options}"), "/s"), options)

    def test_none(self) -> None:
        """A command that reads none has none."""
        for command in ("gcc -c w.c -fprofile-dir=p --coverage", "clang -c w.c -fprofile-use=x"):
            self.assertEqual(profiles(compilation(command), "/s"), (), command)
