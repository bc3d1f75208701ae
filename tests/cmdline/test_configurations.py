"""Configuration files of clang's: their words, and which of them keep a compile here."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.configurations import configuration_words, words_forbid


class ConfigurationTests(SynchronousTestCase):
    def test_words(self) -> None:
        """Comments are none, lines may go on, and quotes hold words together."""
        text = "-O2 -g # no comment\n  # one\n-Wall \\\n  '-DA=a b'\n@more.cfg\n"
        words = ["-O2", "-g", "#", "no", "comment", "-Wall", "-DA=a b", "@more.cfg"]
        self.assertEqual(configuration_words(text), words)
        self.assertEqual(configuration_words("-DA=a\\\\\n-Ix \\\n#y"), ["-DA=a\\", "-Ix", "#y"])

    def test_travelling(self) -> None:
        """Options that decide how code is made, or linked, may be anywhere."""
        for text in (
            "-O2 -g -Wall -DX=3 -U Y --target=x86_64-linux-gnu", "--sysroot=/opt/root -stdlib=libc++",
            "--gcc-install-dir=/usr/lib/gcc/x86_64-linux-gnu/12",
            "-fuse-ld=lld -Wl,-z,now -L/x -Xlinker x",
        ):  # fmt: skip
            self.assertIsNone(words_forbid(configuration_words(text)), text)

    def test_staying(self) -> None:
        """What makes or names other files, is not known, or depends on where the file is, stays."""
        for word in (
            "-include a.h", "-Ix", "-isystem /x", "-MD", "-MFx", "-o x", "-c", "-save-temps", "x.c",
            "-fplugin=x", "-B/x", "--gcc-toolchain=x", "--sysroot=x", "-march=native", "-frewrite-x=y",
            "-DX=<CFGDIR>",
            "-fsanitize-ignorelist=x", "--config=x", "-Xclang -load", "-fprofile-use=x", "-std=a/b",
            "-DX=__TIME__", "-DX(y)=__has_include(y)", "-DX=TIME",
        ):  # fmt: skip
            reason = words_forbid(["-O2", *word.split()])
            self.assertEqual(reason, f"the configuration has {word.split()[0]}, which stays here")
