"""Options that make a compiler write other files than its object, or name its object, as data.

They travel only to a server that gets the client's files, and makes all outputs where the client would.
Which files each of them makes is told in `foreseen`.
"""

from __future__ import annotations

from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import Role, Rule, Takes, rows


def _making(takes: Takes, names: str, form: Form | None = None) -> list[Rule]:
    return rows(takes, Role.MAKES, names, form, reason="makes files beside the object, or names it")


MAKING = [
    *_making(Takes.NOTHING, "-gsplit-dwarf -gsplit-dwarf=split -gsplit-dwarf=single"),
    *_making(Takes.NOTHING, "--coverage|-coverage -ftest-coverage -fstack-usage -fcallgraph-info"),
    *_making(Takes.JOINED, "-fcallgraph-info=", Form.WORDS),
    # The program writes its counters to a file that is named after the object.
    *_making(Takes.NOTHING, "-fprofile-arcs"),
]
