"""Have a host compile one unit, from its files or from its preprocessed text.

A `RemoteCompile` takes a compile's `CompileInputs`, and returns what the compiler of one host after
another makes of it.  A host gets the files if it produces from them exactly what this machine would, or
if the user says so with `,cpp`.  Others get the text, but only if they are known to have the same
compiler, or are a C distccd, which cannot tell, or if the user vouches for them (`DISTCC_TRUST_NAMES`).

Objects made from text may differ from local ones (gcc's with `-g`, clang's always).  So if a host would
make the exact object from the files, a unit whose files cannot be sent is compiled here instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from twisted_distcc.client.backends.distcc_calls import Calls
from twisted_distcc.client.backends.host_faults import (
    AnotherCompilerError,
    BadReplyError,
    HostError,
    RefusedByHostError,
    Scope,
)
from twisted_distcc.client.backends.likeness import Likeness, scope_of
from twisted_distcc.client.backends.needed_jail import check_jail, with_plugins
from twisted_distcc.client.backends.recorded_commands import check_path, check_words
from twisted_distcc.client.backends.requests import text_request, tree_request
from twisted_distcc.client.backends.server_capabilities import ANSWER_LIMITS, ServerCapabilities
from twisted_distcc.client.hosts import EngineHost, RemoteHost
from twisted_distcc.client.inputs.candidate import StaysHere
from twisted_distcc.client.inputs.compile_inputs import CompileInputs
from twisted_distcc.client.inputs.local_toolchains import TRUST_NAMES, LocalCompiler
from twisted_distcc.client.inputs.message_style import UNKNOWN, Style, Styles
from twisted_distcc.client.invocation import Report
from twisted_distcc.client.journal.unit_record import INPUTS
from twisted_distcc.client.results.delivery import Compiled
from twisted_distcc.client.results.dependency_rules import BadRulesError, check_dependencies
from twisted_distcc.client.results.quoted_files import check_quoted
from twisted_distcc.cmdline.environment import DATE
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING, LocalProtocolError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.pump.unit import NotForServersError

_UNLIKE: Final = {
    Likeness.OTHER: "has another {} than this machine",
    Likeness.UNKNOWN: "cannot tell what its {} is, a script perhaps",
}
# Exit codes of a refusal that suggest that a host's answer about its compiler is out of date.
_OUTDATED: Final = frozenset({EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING})
_LACKS: Final = {
    Likeness.SAME: "has no sandbox in which {} would find the files at their own paths",
    Likeness.UNTOLD: "does not say whether its {} is this one, as C distccd",
    **_UNLIKE,
}


@dataclass(frozen=True, slots=True)
class RemoteCompile:
    """One compile being distributed.

    Attributes:
        inputs: what can be sent.
        calls: calls hosts.
        capabilities: what is known of the hosts.
        styles: how messages look here.
        report: receives messages.
    """

    inputs: CompileInputs
    calls: Calls
    capabilities: ServerCapabilities
    styles: Styles
    report: Report

    async def prepare(self, hosts: Sequence[RemoteHost]) -> None:
        """Find the files, if one of `hosts` may take them; otherwise preprocess, so that no host waits.

        Raises:
            StaysHere: if there is nothing to send.
            CannotStartError: if the compiler cannot be started.
        """
        if not hosts:
            return
        if not self._trusts_names and not await self.capabilities.can_tell(self.compiler):
            raise self._unidentified()
        if await self._may_take_files(hosts):
            try:
                await self.inputs.find()
                return
            except NotForServersError as reason:
                if self._demands is not None or await self.capabilities.has_exact(hosts, self.compiler):
                    raise StaysHere(str(reason)) from reason
                self._say_why_text(reason)
        if self._demands is not None:
            raise StaysHere(f"{shown(self._demands)} needs a server with this compiler and a jail")
        await self.inputs.text()

    async def to(self, host: RemoteHost) -> Compiled:
        """Have `host` compile it.

        Raises:
            HostError: if the host fails.
            StaysHere, CannotStartError: as `prepare`.
            OSError: if its answer cannot be stored.
        """
        likeness = await self._likeness(host)
        if self.inputs.candidate.plugins:
            likeness = with_plugins(loads=await self.capabilities.loads_plugins(host, self.compiler))
        check_jail(self._demands, self.inputs.found, likeness)
        if self._demands is not None:
            check_path(self.inputs.candidate, await self.capabilities.paths(host, self.compiler))
        source = self.inputs.candidate.compilation.source
        self.report.say(f"compiling {source} on {host}")
        try:
            return await self._compiled(host, likeness)
        except HostError as error:
            error.scope = scope_of(error, likeness)
            if error.exit_code in _OUTDATED:
                self.capabilities.forget(host, self.compiler)
            raise

    async def _likeness(self, host: RemoteHost) -> Likeness | None:
        """Ask `host` about its compiler; `None` means that the user vouches for it.

        Raises:
            HostError: if it is not known to be the same as ours, and nobody vouches for it.
        """
        if host.pump or (self._trusts_names and not await self.capabilities.can_tell(self.compiler)):
            return None
        if (likeness := await self._asked(host)) in _UNLIKE and not self._trusts_names:
            raise AnotherCompilerError(f"{_UNLIKE[likeness].format(self.compiler.name)}; {TRUST_NAMES}")
        return likeness

    async def _asked(self, host: RemoteHost) -> Likeness:
        if isinstance(host, EngineHost):
            find, way = partial(self.calls.engine_likeness, host), self.calls.engine_access(host)
            return await self.capabilities.likeness_by(host, find, self.compiler, way)
        ask = partial(self.calls.reply, host, limits=ANSWER_LIMITS)
        return await self.capabilities.likeness(host, ask, self.compiler)

    async def _compiled(self, host: RemoteHost, likeness: Likeness | None) -> Compiled:
        try:
            compiled = await self._with_files(host, likeness)
        except NotForServersError as reason:
            if _is_exact(likeness):
                raise StaysHere(str(reason)) from reason
            self._say_why_text(reason)
            compiled = None
        return compiled or await self._as_text(host, likeness)

    async def _for_our_compiler(self, request: Request, likeness: Likeness | None) -> Request:
        """Return `request` for the compiler that we have: which the host has, or is sent."""
        if likeness is not None and likeness.is_brought:
            digest = await self.capabilities.digest(self.compiler) or ""
            candidate = self.inputs.candidate
            language, plugins = candidate.compilation.language, candidate.plugins
            return await self.calls.bringing(request, digest, language, plugins)
        if likeness is not Likeness.SAME and not _is_exact(likeness):
            return request
        return replace(request, compiler=await self.capabilities.digest(self.compiler) or "")

    async def _as_text(self, host: RemoteHost, likeness: Likeness | None) -> Compiled:
        self.report.watch.enter(INPUTS)
        text = await self.inputs.text()
        request = text_request(self.inputs.candidate, text, compress=host.compress)
        request = await self._for_our_compiler(request, likeness)
        try:
            return Compiled(host, request, await self.calls.compiled(host, request), text)
        except LocalProtocolError as limit:  # the same for every host
            raise StaysHere(f"it cannot be sent: {limit}") from limit

    async def _with_files(self, host: RemoteHost, likeness: Likeness | None) -> Compiled | None:
        """Have `host` preprocess, too; `None` means that it should get the text.

        Raises:
            NotForServersError: if the files of this unit cannot be sent.
        """
        if _is_exact(likeness) and self.inputs.obstacle is not None:
            raise self.inputs.obstacle
        environment = self._environment(host, likeness)
        if environment is None:
            if reason := self._why_text(host, likeness):
                self._say_why_text(reason)
            return None
        style = UNKNOWN if host.pump else await self.styles.of(self.inputs.candidate, environment)
        found = self.inputs.found
        assert found is not None
        check_words(self.inputs.candidate, found.compilation, style.options)
        try:
            compiled = await self._in_style(host, environment, style, likeness)
            if style.for_messages is None or compiled.reply.status or not compiled.says_anything():
                return compiled
            again = await self._in_style(host, environment, style.for_messages, likeness)
            return compiled.with_messages_of(again)
        except LocalProtocolError as limit:
            raise NotForServersError(str(limit)) from limit
        except RefusedByHostError as error:
            if error.scope is not Scope.JOB or error.exit_code == EXIT_ACCESS_DENIED:
                raise
            raise NotForServersError(f"{host} {error.fault}") from error

    async def _in_style(
        self,
        host: RemoteHost,
        environment: dict[str, str],
        style: Style,
        likeness: Likeness | None,
    ) -> Compiled:
        """Have `host` compile the files, and write its messages in this `style`."""
        candidate = self.inputs.candidate
        self.report.watch.enter(INPUTS)
        tree = await self.inputs.tree(packed=self.calls.sends_packed(host))
        found = self.inputs.found
        assert found is not None
        request = tree_request(found.compilation, tree, environment, style.options)
        request = await self._for_our_compiler(request, likeness)
        with_rules = candidate.dependencies is not None
        reply = await self.calls.compiled(host, request, with_rules=with_rules)
        if with_rules and not reply.status:
            self._check_rules(reply)
        check_quoted(found, reply, self.inputs.sources.files)
        return Compiled(host, request, reply, None, style)

    def _check_rules(self, reply: Reply) -> None:
        candidate, found, files = self.inputs.candidate, self.inputs.found, self.inputs.sources.files
        assert found is not None
        try:
            check_dependencies(reply.dependencies.read(), candidate.compilation, found, files)
        except BadRulesError as error:
            reply.discard()
            raise BadReplyError(f"sent a bad reply: {error}") from error

    def _environment(self, host: RemoteHost, likeness: Likeness | None) -> dict[str, str] | None:
        """Return the environment in which `host` should preprocess; `None` if it should not."""
        found = self.inputs.found
        if found is None or (found.unit.precompiled and not (likeness and likeness.is_complete)):
            return None
        if host.pump:  # it may be C distccd, which takes no environment
            return None if DATE in found.environment else {}
        return found.environment if _is_exact(likeness) else None

    def _why_text(self, host: RemoteHost, likeness: Likeness | None) -> str | None:
        """Return why `host` should not preprocess; `None` if no host should, or the user knows why."""
        if self.inputs.candidate.compilation.language.is_preprocessed:
            return None
        if not self.calls.settings.remote_cpp:
            return "DISTCC_REMOTE_CPP=0"
        if host.pump:
            return f"{host} may not heed {DATE}" if self.inputs.found else None
        if likeness is None:
            return f"it cannot be told what {self.compiler.name} is"
        lack = _LACKS.get(likeness)
        return lack and f"{host} {lack.format(self.compiler.name)}"

    async def _may_take_files(self, hosts: Sequence[RemoteHost]) -> bool:
        """Whether it is worthwhile to find the files."""
        if not self.calls.settings.remote_cpp:
            return False
        if any(host.pump for host in hosts):
            return True
        return not await self.capabilities.are_hopeless(hosts, self.compiler)

    @property
    def _trusts_names(self) -> bool:
        return self.calls.settings.trust_names

    @property
    def _demands(self) -> str | None:
        """Return what only a host that is `COMPLETE` can do."""
        return self.inputs.candidate.compilation.demanding

    @property
    def compiler(self) -> LocalCompiler:
        """The local compiler."""
        return self.inputs.candidate.local_compiler

    def _unidentified(self) -> StaysHere:
        """Warn, once per build, that only the name of the compiler could be sent."""
        reason = self.compiler.why_unidentified
        self.report.remind("this compiler's units are compiled here", reason)
        return StaysHere(reason)

    def _say_why_text(self, reason: object) -> None:
        self.report.watch.reason = str(reason)
        self.report.say(f"preprocessing here: {reason}")


def _is_exact(likeness: Likeness | None) -> bool:
    return likeness is not None and likeness.is_exact
