"""Actions: what an engine is asked to run, and how that ended.

    action = Action(command=(b"/usr/bin/gcc", b"-c", b"a.c"), ...)
    blobs = action.blobs()                 # the first is the action itself
    outcome = checked_outcome(response, action, limits)

Everything in a response is what a peer chose: `checked_outcome` takes only what the action can have
left, within limits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Any, Final

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.reapi.blob import BlobName, checked_blob
from twisted_distcc.reapi.schema import Action as ActionMessage
from twisted_distcc.reapi.schema import Command, Platform, Property, Variable
from twisted_distcc.wire.limits import Limits

_HIGHEST_CODE: Final = 255
_LONGEST: Final = 86_400.0  # seconds that a job may claim to have taken
MOST_TREE: Final = 8 * 1024 * 1024
"""The most bytes of a folder that is returned with all that is in it: some ten thousand names."""


@dataclass(frozen=True, slots=True)
class Action:
    """A command with everything that decides its result.

    Attributes:
        arguments: the command line; its program is an absolute path, or one below `directory`.
        environment: its variables.
        root: the folder with its inputs.
        directory: the working directory, relative to `root`.
        outputs: paths of the files that it may leave, relative to `directory`.
        folders: those of folders that are returned with all that is in them; normal, such as `.`.
        platform: properties of the worker that it needs.
        is_kept: whether the result may be kept, and taken from those that are kept.
        salt: tells results apart that have nothing else to tell them apart.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    root: BlobName
    directory: str
    outputs: tuple[str, ...]
    platform: tuple[tuple[str, str], ...] = ()
    is_kept: bool = True
    salt: bytes = b""
    folders: tuple[str, ...] = ()

    def blobs(self) -> dict[BlobName, bytes]:
        """Return the blobs that it consists of, besides its inputs; its own is the first.

        Raises:
            LocalProtocolError: if a word or a name is not UTF-8, as messages want it.
        """
        try:
            platform = Platform(
                properties=[Property(name=name, value=one) for name, one in self.platform]
            )
            command = self._command(platform).SerializeToString()
        except UnicodeError:
            raise LocalProtocolError("its command has a word that is not UTF-8") from None
        action = ActionMessage(
            command_digest=BlobName.of(command).message(),
            input_root_digest=self.root.message(),
            do_not_cache=not self.is_kept,
            salt=self.salt,
            platform=platform,
        ).SerializeToString()
        return {BlobName.of(action): action, BlobName.of(command): command}

    def _command(self, platform: Any) -> Any:
        outputs = sorted(self.outputs)
        environment = sorted(self.environment.items())
        return Command(
            arguments=self.arguments,
            environment_variables=[Variable(name=name, value=value) for name, value in environment],
            output_files=outputs,  # for engines that are older than `output_paths`
            output_directories=sorted(self.folders),
            output_paths=sorted((*outputs, *self.folders)),
            working_directory=self.directory,
            platform=platform,
        )


@dataclass(frozen=True, slots=True)
class Produced:
    """Something that an action has left: its name, and its content if that came along."""

    name: BlobName
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action has ended.

    Attributes:
        exit_code: from 0 to 255.
        stdout, stderr: what it wrote.
        outputs: the files that it has left, by path.
        is_old: whether the result was kept from an earlier time.
        waited, ran: seconds in line, and at work, as far as the engine says.
        folders: the folders that were asked for, each a `Tree`, by path.
    """

    exit_code: int
    stdout: Produced
    stderr: Produced
    outputs: Mapping[str, Produced]
    is_old: bool
    waited: float = 0.0
    ran: float = 0.0
    folders: Mapping[str, BlobName] = field(default_factory=dict)


def checked_outcome(response: Any, action: Action, limits: Limits) -> Outcome:
    """Return the outcome in an `ExecuteResponse` that has no fault.

    Args:
        response: what a peer sent.
        action: what was asked.
        limits: the ceilings on sizes.

    Raises:
        RemoteProtocolError: if it is none that the action can have had.
    """
    result = response.result
    if not 0 <= result.exit_code <= _HIGHEST_CODE:
        raise RemoteProtocolError(f"no program ends with exit code {result.exit_code}")
    made: dict[str, Produced] = {}
    for file in result.output_files:
        _check_asked_for(file.path, action.outputs, made)
        made[file.path] = _produced(file.digest, file.contents, limits.object_file)
    folders: dict[str, BlobName] = {}
    for folder in result.output_directories:
        path = normpath(folder.path)  # for engines that call the working directory nothing
        _check_asked_for(path, action.folders, folders)
        folders[path] = checked_blob(folder.tree_digest, MOST_TREE)
    waited, ran = _times(result.execution_metadata)
    return Outcome(
        result.exit_code,
        _produced(result.stdout_digest, result.stdout_raw, limits.messages),
        _produced(result.stderr_digest, result.stderr_raw, limits.messages),
        made,
        response.cached_result,
        waited,
        ran,
        folders,
    )


def _check_asked_for(path: str, asked: Collection[str], have: Collection[str]) -> None:
    if path not in asked or path in have:
        raise RemoteProtocolError("there is an output that nobody asked for")


def _produced(digest: Any, content: bytes, most: int) -> Produced:
    """Return what a digest, a content, or both, are: engines leave out the one or the other."""
    if not digest.hash:
        name = BlobName.of(content)
        if name.size > most:
            raise RemoteProtocolError(f"an output has more than {most} bytes")
        return Produced(name, content)
    name = checked_blob(digest, most)
    if not content and name.size:
        return Produced(name, None)
    if BlobName.of(content) != name:
        raise RemoteProtocolError("an output is not what its digest says")
    return Produced(name, content)


def _times(told: Any) -> tuple[float, float]:
    """Return the seconds in line and at work; 0 for what cannot be."""
    queued, begun, done = (
        stamp.seconds + stamp.nanos / 1e9
        for stamp in (
            told.queued_timestamp,
            told.worker_start_timestamp,
            told.worker_completed_timestamp,
        )
    )
    return _span(queued, begun), _span(begun, done)


def _span(since: float, until: float) -> float:
    span = until - since if since > 0 else 0.0
    return span if 0 <= span <= _LONGEST else 0.0
