"""Classify the words of a command one by one: what each means, and whether it may travel.

`classify` yields options and operands in their order; what they mean together is left to `parse`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilation import Option
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import CONFINED, DEMANDING, PLUGINS, WITH_FILES, Role, Rule
from twisted_distcc.cmdline.options import (
    ASSEMBLER_OPTIONS,
    CLANG_OPTIONS,
    FOR_LLVM,
    LLVM_OPTIONS,
    OPTIONS,
)
from twisted_distcc.cmdline.reasons import StaysError, shown
from twisted_distcc.cmdline.travelling import LOADS_CODE, MODULE_FILE, MODULES
from twisted_distcc.cmdline.written import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet


# A server that gets no files neither sees nor opens what these name.
_OPENED = WITH_FILES | CONFINED

MOST_PIECES = 1000
"""The most options that one command may pass on to other programs (`-Wa,` and the like); in the builds
that were examined, the longest commands had some dozens."""


def classify(
    words: Sequence[str],
    family: Family,
    allowed: AbstractSet[Role],
    *,
    with_files: bool = False,
) -> Iterator[Option]:
    """Classify the words of a compiler of `family`, in their order; their roles have to be `allowed`.

    `with_files` is for a server that preprocesses, which also sees the preprocessor's options.

    Raises:
        StaysError: at the first word that keeps the command local.
    """
    _check_words(words)
    passed_on = 0
    rest = iter(words)
    for word in rest:
        if word == "-" or not word.startswith("-"):
            yield Option(Role.SOURCE, (word,), word)
            continue
        rule = OPTIONS.find(word, family)
        if rule is None:
            raise _unknown(word)
        option = _option(rule, word, rest)
        if option.role not in allowed:
            raise StaysError(f"{shown(word)} {_why(rule, option)}")
        if with_files or rule.role not in _OPENED:
            _check_form(rule, option)
        passed_on += _count_pieces(option)
        if passed_on > MOST_PIECES:
            raise StaysError(f"it passes more than {MOST_PIECES} options to other programs")
        option = _look_inside(option, family)
        if option.role is Role.MAKES and Role.MAKES not in allowed:
            raise StaysError(f"{shown(' '.join(option.words))} has the assembler write files")
        yield option


@cache
def allowed_roles(*, arrived: bool, confined: bool, brings_tools: bool) -> frozenset[Role]:
    """Return the roles with which a command may leave, or may run where it has `arrived`.

    That is on a server, whose compilers may be `confined`, so that they can harm nothing.  Whatever
    loads code goes only with the compiler itself.
    """
    kept = {Role.LOCAL} if arrived else {Role.LOCAL, Role.BETTER_LOCAL}
    if arrived and not confined:
        kept |= DEMANDING
    if not brings_tools:
        kept |= PLUGINS
    return frozenset(Role) - kept


def _why(rule: Rule, option: Option) -> str:
    """Return what keeps an option here, to be read after its name."""
    if option.role is Role.PLUGIN:
        return LOADS_CODE
    return rule.reason or "has clang read or write a file"


def _check_words(words: Sequence[str]) -> None:
    for word in words:
        if "\0" in word:
            raise StaysError(f"{shown(word)} contains a NUL character, which no command can")
        if word.startswith("@"):
            raise StaysError(f"{shown(word)} names a response file that cannot be read here")


def _option(rule: Rule, word: str, rest: Iterator[str]) -> Option:
    if rule.wants_next(word):
        argument = next(rest, None)
        if argument is None:
            raise StaysError(f"{shown(word)} lacks its argument")
        words: tuple[str, ...] = (word, argument)
    else:
        argument = rule.joined_argument(word)
        words = (word,)
    option = Option(rule.role, words, argument, rule.option, rule.spellings)
    return _for_clang(option, rest) if rule.role is Role.FOR_CLANG else option


def _for_clang(option: Option, rest: Iterator[str]) -> Option:
    """Judge an option of clang's inner program, whose argument may be in another `-Xclang`."""
    rule = CLANG_OPTIONS.find(option.value, Family.CLANG)
    if rule is None:
        raise _unsafe(option)
    words, value = option.words, rule.joined_argument(option.value)
    if rule.wants_next(option.value):
        passing, argument = next(rest, None), next(rest, None)
        if passing != option.name or argument is None:
            raise StaysError(f"{shown(' '.join(words))} lacks its argument")
        words, value = (*words, passing, argument), argument
    whole = replace(option, words=words)
    is_known = rule.name != FOR_LLVM or _is_for_llvm(value)
    _check_known(whole, is_known and (rule.form is None or rule.form.admits(value)))
    if rule.role is Role.FOR_CLANG:
        return whole
    return replace(whole, role=rule.role, value=value, name=rule.option)


def _check_form(rule: Rule, option: Option) -> None:
    if rule.form is not None and not rule.form.admits(option.value):
        raise _of_wrong_form(rule.name, rule.form, option.words)


def _of_wrong_form(name: str, form: Form, words: Sequence[str]) -> StaysError:
    if form is Form.SWITCH:
        return _unknown(words[0])
    option = shown(" ".join(words))
    return StaysError(f"{option} does not travel: {name} is followed by {form.value} there")


def _unknown(word: str) -> StaysError:
    return StaysError(f"{shown(word)} is not an option that is known to work elsewhere")


def _look_inside(option: Option, family: Family) -> Option:
    """Judge an option whose argument consists of options for another program."""
    match option.role:
        case Role.FOR_PREPROCESSOR:
            return _for_preprocessor(option, family)
        case Role.FOR_ASSEMBLER:
            makes = Role.MAKES in _roles_for_assembler(option)
            return replace(option, role=Role.MAKES) if makes else option
        case Role.INPUT if option.name == MODULE_FILE:
            return _of_module(option)
        case Role.FOR_LLVM:
            _check_known(option, _is_for_llvm(option.value))
    return option


def _of_module(option: Option) -> Option:
    """Return the option with its file as its value: that has a module which sources import by name."""
    name, named, file = option.value.partition("=")
    if not name or not named:
        raise StaysError(f"{shown(option.words[0])} {MODULES}, of headers")
    return replace(option, value=file)


def _is_for_llvm(word: str) -> bool:
    name, _, value = word.partition("=")
    return name in LLVM_OPTIONS and Form.WORDS.admits(value)


def _check_known(option: Option, known: bool) -> None:
    if not known:
        raise _unsafe(option)


def _unsafe(option: Option) -> StaysError:
    return StaysError(f"{shown(' '.join(option.words))} may read or write files")


def _for_preprocessor(option: Option, family: Family) -> Option:
    match pieces(option):
        case ["-MD" | "-MMD", path]:
            return replace(option, value=path)
        case parts:
            _check_known(option, all(_is_for_preprocessor(part, family) for part in parts))
    return replace(option, role=Role.PREPROCESS)


def _count_pieces(option: Option) -> int:
    """Count the options for another program, without examining them."""
    passed_on = option.name == "-Wl," or option.role in {Role.FOR_PREPROCESSOR, Role.FOR_ASSEMBLER}
    return option.value.count(",") + 1 if passed_on else 0


def _is_for_preprocessor(piece: str, family: Family) -> bool:
    rule = OPTIONS.find(piece, family)
    return rule is not None and rule.role is Role.PREPROCESS and not rule.wants_next(piece)


def _roles_for_assembler(option: Option) -> set[Role]:
    """Return the roles of the options for the assembler, each of which is known."""
    roles = set()
    rest = iter(pieces(option))
    for piece in rest:
        rule = _for_assembler(piece, rest)
        if rule is None:
            raise StaysError(
                f"{shown(' '.join(option.words))} passes the assembler {shown(piece)}, "
                "which may read or write files"
            )
        roles.add(rule.role)
    return roles


def _for_assembler(piece: str, rest: Iterator[str]) -> Rule | None:
    rule = ASSEMBLER_OPTIONS.find(piece, Family.GENERIC)
    if rule is None:
        return None
    argument = next(rest, None) if rule.wants_next(piece) else rule.joined_argument(piece)
    is_right = argument is not None and (rule.form is None or rule.form.admits(argument))
    return rule if is_right else None
