"""Rules for gcc's driver: which of them mean the same elsewhere."""

from __future__ import annotations

import subprocess

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.driver_rules import rules_forbid, rules_load

# As Fedora's redhat-hardened-cc1 and redhat-hardened-ld say it, and Debian's for builds without PIE.
_FEDORA = "*cc1_options:\n+ %{!r:%{!fpie:%{!fPIE:%{!fpic:%{!fPIC:%{!fno-pic:-fPIE}}}}}}\n"
_FEDORA_LD = "*self_spec:\n+ %{!static:%{!shared:%{!r:-pie}}}\n\n*link:\n+ -z now --plugin x\n"
_ANNOBIN = "*cc1_options:\n+ %{!-fno-use-annobin:%{!iplugindir*:%:find-plugindir()} -fplugin=annobin}\n"
_NO_PIE = "*self_spec:\n+ %{!shared:%{!fPIC:%{!fPIE:-fno-PIE}}} %{!shared:-no-pie}\n"


class ForbidTests(SynchronousTestCase):
    def test_options(self) -> None:
        """Rules that add options are the same everywhere; rules for linking do not matter."""
        for text in (_FEDORA, _FEDORA_LD, _NO_PIE, "", "*cpp:\n+ -D_FORTIFY_SOURCE=3\n"):
            self.assertIsNone(rules_forbid(text), text)

    def test_this_machine(self) -> None:
        """Functions ask about this machine, its files or its environment."""
        for function in ("getenv(X)", "local_cpu_detect(arch)", "find-plugindir()", "if-exists(/x)"):
            name = function.partition("(")[0]
            said = rules_forbid(f"*cc1:\n%(cc1_cpu) %:{function}\n")
            self.assertEqual(said, f"the rules use the function {name}, which depends on this machine")

    def test_words(self) -> None:
        """What a command may not have, rules may not add: more outputs, plugins, further inputs."""
        for word in (
            *("-march=native", "-iplugindir=/x", "-gsplit-dwarf", "--coverage", "-save-temps"),
            *("-specs=/x", "-include", "-frobnicate-all=/x", "-wrapper", "-B/x", "-g", "-o", "-I/x"),
        ):
            for rule in (f"+ {word}", f"%{{!fpic:{word}}}", f"%{{fpic:-fPIC;:{word}}}"):
                said = rules_forbid(f"*cc1_options:\n{rule}\n")
                self.assertEqual(said, f"the rules add {word}, which stays here", rule)

    def test_plugins(self) -> None:
        """Rules may load plugins from the compiler's own folder, as Fedora's annobin is loaded."""
        self.assertIsNone(rules_forbid(_ANNOBIN))
        self.assertEqual(rules_load(_ANNOBIN), ("annobin",))
        both = "*cc1:\n+ %{fpic:-fplugin=./p.so} -fplugin-arg-p-all -fplugin=q\n"
        self.assertEqual((rules_forbid(both), rules_load(both)), (None, ("./p.so", "q")))
        self.assertEqual(rules_load(_FEDORA + _FEDORA_LD), ())
        self.assertIsNotNone(rules_forbid("*cc1:\n+ -fplugin=q -fplugin-arg-q-file=/x\n"))

    def test_sections(self) -> None:
        """Other sections decide which programs are run, and on what."""
        for section in ("*invoke_as:", "@c:", ".c:", "*multilib:", "*sysroot_hdrs_suffix_spec:"):
            said = rules_forbid(f"{section}\nx\n")
            self.assertEqual(
                said, f"the rules have a section {section}, which is not about options", section
            )
        for line in ("%include <x>", "%include_noerr <x>", "%rename cc1 old_cc1"):
            self.assertIn(line, rules_forbid(f"{line}\n") or "")

    def test_the_compilers_own(self) -> None:
        """Everything at once, as gcc has it built in, stays here: it detects the processor."""
        text = subprocess.run(["gcc", "-dumpspecs"], capture_output=True, check=True, text=True).stdout
        self.assertIsNotNone(rules_forbid(text))
