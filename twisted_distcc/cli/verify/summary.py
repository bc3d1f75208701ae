"""The results of a verification: as text, as a JSON object, and as folders with both runs' files."""

from __future__ import annotations

import json
import os
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted_distcc.cli.verify.twice import Finding
from twisted_distcc.cli.verify.units import Command, Stays

_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Result:
    """All findings, and the commands that no client sends."""

    findings: Sequence[Finding]
    stays: Sequence[Stays]

    @property
    def broken(self) -> list[Finding]:
        """The units that do not compile on this machine either."""
        return [each for each in self.findings if each.there is None]

    @property
    def compared(self) -> list[Finding]:
        """The units that were compiled both ways."""
        return [each for each in self.findings if each.there is not None]

    @property
    def wrong(self) -> list[Finding]:
        """The units in which something differs that should not."""
        return [each for each in self.compared if each.wrong]

    @property
    def unstable(self) -> list[Finding]:
        """The units that differ only in what also differs between two compiles on this machine."""
        return [each for each in self.compared if each.different and not each.wrong]

    @property
    def fell_back(self) -> dict[str, list[str]]:
        """The sources that this machine compiled in whole or part, by reason, most frequent first."""
        groups: dict[str, list[str]] = defaultdict(list)
        for finding in self.compared:
            if finding.reason:
                groups[finding.reason].append(finding.unit.path)
        for each in self.stays:
            groups[f"compiling here: {each.reason}"].append(shlex.join(each.command.argv))
        return dict(sorted(groups.items(), key=lambda group: -len(group[1])))

    @property
    def success(self) -> bool:
        """Whether nothing differs, and a server did something."""
        return not self.wrong and any(not each.reason for each in self.compared)


def table(result: Result, title: str) -> str:
    """Format the findings for people."""
    return "\n".join([*_counts(result, title), *_wrong(result), *_groups(result)])


def _counts(result: Result, title: str) -> Iterator[str]:
    fell_back = sum(map(len, result.fell_back.values()))
    rows = (
        ("units", len(result.findings) + len(result.stays)),
        ("identical", len(result.compared) - len(result.wrong) - len(result.unstable)),
        ("different", len(result.wrong)),
        ("not the same twice on this machine", len(result.unstable)),
        ("do not compile on this machine", len(result.broken)),
        ("not entirely done by a server", fell_back),
    )
    yield title
    yield from (f"  {count:6} {name}" for name, count in rows)


def _wrong(result: Result) -> Iterator[str]:
    for finding in result.wrong:
        yield f"\nDIFFERENT: {finding.unit.path}"
        yield from (f"  {what}: {how}" for what, how in finding.wrong.items())
        yield f"  {reproducer(finding.unit.command)}"
    for finding in result.broken:
        said = finding.here.left["standard error"].decode(errors="replace").strip()
        yield f"\nDoes not compile on this machine: {finding.unit.path}"
        yield f"  {said.partition(chr(10))[0]}"


def _groups(result: Result) -> Iterator[str]:
    for reason, names in result.fell_back.items():
        more = ["..."] if len(names) > _NAMES_SHOWN else []
        yield f"\n{len(names)} times, {reason}"
        yield from (f"  {name}" for name in [*names[:_NAMES_SHOWN], *more])


def reproducer(command: Command) -> str:
    """Return the command line by which the farm compiles `command` again."""
    return f"cd {shlex.quote(command.directory)} && tdistcc {shlex.join(command.argv)}"


def as_json(result: Result) -> str:
    """Return the findings as a JSON object, for programs."""
    value = {
        "units": len(result.findings) + len(result.stays),
        "identical": len(result.compared) - len(result.wrong) - len(result.unstable),
        "different": [_as_value(finding, finding.wrong) for finding in result.wrong],
        "unstable": [_as_value(finding, finding.different) for finding in result.unstable],
        "broken": [_as_value(finding, {}) for finding in result.broken],
        "fell_back": [
            {"reason": reason, "sources": names} for reason, names in result.fell_back.items()
        ],
    }
    return json.dumps(value, indent=2)


def _as_value(finding: Finding, different: Mapping[str, str]) -> dict[str, Any]:
    command = finding.unit.command
    return {
        "source": finding.unit.path,
        "directory": command.directory,
        "command": list(command.argv),
        "differences": dict(different),
    }


def keep(result: Result, folder: Path) -> None:
    """Put what the two runs left, for each unit that differs, into a folder of its own in `folder`."""
    for number, finding in enumerate(result.wrong, 1):
        assert finding.there is not None
        place = folder / f"{number}-{os.path.basename(finding.unit.source)}"
        for side, ran in (("here", finding.here), ("there", finding.there)):
            (place / side).mkdir(parents=True, exist_ok=True)
            for what, data in ran.left.items():
                (place / side / what.replace(" ", "-")).write_bytes(data)
        (place / "there" / "log").write_text(finding.said)
        (place / "command").write_text(reproducer(finding.unit.command) + "\n", errors="surrogateescape")
