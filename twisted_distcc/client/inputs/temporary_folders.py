"""Have servers make temporary files in the folder in which this machine's compiler would.

Only a listing of the assembler shows where that is: it has the name of the file that the assembler
reads.  `told_of_folder` returns the variable that says so to a server; the job gets an empty folder of
that name.
"""

from __future__ import annotations

import os

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.cmdline.assembler_files import names_temporary_file
from twisted_distcc.cmdline.compilation import StayLocal
from twisted_distcc.cmdline.environment import TEMPORARY, temporary_folder_for_servers
from twisted_distcc.pump.unit import NotForServersError


def told_of_folder(candidate: Candidate) -> dict[str, str]:
    """Return the variable for `candidate`; none if nothing that it makes has the name of such a file.

    Raises:
        NotForServersError: if servers cannot be told that folder.
    """
    c = candidate.compilation
    if not c.runs_as_typed or not names_temporary_file(c.options, c.language):
        return {}

    def is_writable(folder: str) -> bool:
        return os.access(candidate.absolute(folder), os.R_OK | os.W_OK | os.X_OK)

    found = temporary_folder_for_servers(candidate.invocation.environ, is_writable)
    if isinstance(found, StayLocal):
        raise NotForServersError(found.reason)
    return {TEMPORARY: found}
