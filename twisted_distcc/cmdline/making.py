"""Options that make a compiler write other files than its object, or name its object, as data.

They travel only to a server that gets the client's files, and makes all outputs where the client would.
Which files each of them makes is told in `foreseen`, and which profile gcc reads in `profiles`.
"""

from __future__ import annotations

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import Role, Rule, Takes, rows
from twisted_distcc.cmdline.travelling import PROFILE_DATA


def _making(
    takes: Takes, names: str, form: Form | None = None, *, only: Family | None = None
) -> list[Rule]:
    reason = "makes files beside the object, or names it"
    return rows(takes, Role.MAKES, names, form, only=only, reason=reason)


def _recording(takes: Takes, names: str, form: Form | None = None) -> list[Rule]:
    reason = "writes the command itself down"
    return rows(takes, Role.RECORDS, names, form, only=Family.CLANG, reason=reason)


def _profiled(takes: Takes, names: str, form: Form | None = None) -> list[Rule]:
    return rows(takes, Role.PROFILED, names, form, only=Family.GCC, reason=PROFILE_DATA)


MAKING = [
    *_making(Takes.NOTHING, "-gsplit-dwarf -gsplit-dwarf=split -gsplit-dwarf=single"),
    *_making(Takes.NOTHING, "--coverage|-coverage -ftest-coverage -fstack-usage -fcallgraph-info"),
    *_making(Takes.JOINED, "-fcallgraph-info=", Form.WORDS),
    # Of STMicroelectronics' gcc.
    *_making(Takes.NOTHING, "-fcyclomatic-complexity", only=Family.GCC),
    *_making(Takes.NOTHING, "-save-temps|--save-temps -save-temps=cwd|--save-temps=cwd"),
    *_making(Takes.NOTHING, "-save-temps=obj|--save-temps=obj"),
    *_making(Takes.SEPARATE, "-aux-info|-aux-info=", Form.TEXT, only=Family.GCC),
    *_making(Takes.JOINED, "-fopt-info", Form.TEXT, only=Family.GCC),
    *_making(Takes.JOINED, "-fdump-tree- -fdump-rtl- -fdump-ipa- -fdump-lang-", Form.TEXT),
    *_making(Takes.JOINED, "-fdump-statistics -fdump-earlydebug -fdump-debug", Form.TEXT),
    *_making(Takes.JOINED, "-fdump-go-spec= -fprofile-note=", Form.TEXT, only=Family.GCC),
    *_making(Takes.NOTHING, "-da", only=Family.GCC),
    *_making(Takes.NOTHING, "-fsave-optimization-record"),
    *_making(Takes.JOINED, "-fsave-optimization-record=", Form.WORDS),
    *_making(Takes.JOINED, "-foptimization-record-file=", Form.TEXT),
    *_making(Takes.JOINED, "-foptimization-record-passes=", Form.PATTERN),
    *_making(Takes.NOTHING, "-ftime-trace"),
    *_making(Takes.JOINED, "-ftime-trace= -fthin-link-bitcode=", Form.TEXT, only=Family.CLANG),
    *_making(Takes.JOINED, "-ftime-trace-granularity=", Form.WORDS),
    *_making(Takes.SEPARATE, "-serialize-diagnostics|--serialize-diagnostics", Form.TEXT),
    *_recording(Takes.EITHER, "-MJ", Form.TEXT),
    *_recording(
        Takes.NOTHING,
        "-grecord-command-line|-grecord-gcc-switches -frecord-command-line|-frecord-gcc-switches",
    ),
    # The program writes its counters to a file that is named after the object, or after the folder.
    *_making(Takes.NOTHING, "-fprofile-arcs -fprofile-generate -fcs-profile-generate"),
    *_making(Takes.JOINED, "-fprofile-generate= -fcs-profile-generate=", Form.TEXT),
    *_making(Takes.JOINED, "-fprofile-dir=", Form.TEXT, only=Family.GCC),
    *_making(Takes.NOTHING, "-fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc"),
    *_making(Takes.JOINED, "-fprofile-instr-generate=", Form.TEXT),
    *_profiled(Takes.NOTHING, "-fprofile-use -fbranch-probabilities -fauto-profile"),
    *_profiled(Takes.JOINED, "-fprofile-use= -fprofile-prefix-path=", Form.TEXT),
    # They make something only if the compiler crashes.
    *_making(Takes.JOINED, "-fcrash-diagnostics-dir=", Form.TEXT),
]
