"""Write the completion of our commands for bash, zsh and fish: `scripts/write_completion.py FOLDER`.

In: the parsers of the commands (`command_lines`).  Out: files below `FOLDER`, at the places below
`share/` where the shells look for them.  Building a wheel does the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from command_lines import Command, Option, all_commands, summary_of

_BASH: Final = """\
# bash completion for {name}

{function}() {{
    local current=$2 previous=$3 words="" at="" word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$at $word" in
{steps}
        esac
    done
    case "$at $previous" in
{values}
    esac
    case "$at" in
{words}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F {function} {name}
"""
_BASH_BEFORE_COMMANDS: Final = """\
# bash completion for {name}

{function}() {{
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "{words}" -- "$2") $(compgen -c -- "$2"))
    elif declare -F _command_offset >/dev/null; then
        _command_offset 1
    fi
}}
complete -o default -F {function} {name}
"""
_BEFORE_COMMANDS: Final = frozenset({"tdistcc", "pump"})
"""Commands whose arguments are another command."""
_FILES: Final = frozenset({"FILE", "DIR"})


def files() -> dict[str, str]:
    """Return the files, by their paths below `share`."""
    # twistd completes its own command line.
    made = [one for one in all_commands() if " " not in one.name]
    found = {}
    for command in made:
        found[f"bash-completion/completions/{command.name}"] = _bash(command)
        found[f"zsh/site-functions/_{command.name}"] = _zsh(command)
        found[f"fish/vendor_completions.d/{command.name}.fish"] = "".join(_fish(command))
    return found


def _tree(command: Command) -> Iterator[tuple[str, Command]]:
    """Yield a command and all below it, each with the words that lead there."""
    yield "", command
    for sub in command.commands:
        word = sub.name.rpartition(" ")[2]
        for path, one in _tree(sub):
            yield f"{word} {path}".rstrip(), one


def _own_words(command: Command) -> Iterator[str]:
    for sub in command.commands:
        yield sub.name.rpartition(" ")[2]
    for option in command.options:
        yield option.names[-1]


# bash.


def _bash(command: Command) -> str:
    function = f"_{command.name.replace('-', '_')}"
    if command.name in _BEFORE_COMMANDS:
        words = " ".join(_own_words(command))
        return _BASH_BEFORE_COMMANDS.format(name=command.name, function=function, words=words)
    tree = list(_tree(command))
    steps = [f'" {path}") at="{path}";;' for path, _ in tree if path and " " not in path]
    steps += [f'"{path}") at="{path}";;' for path, _ in tree if " " in path]
    values = [line for path, one in tree for line in _bash_values(path, one.options)]
    words = [f'"{path}") words="{" ".join(_own_words(one))}";;' for path, one in tree]
    return _BASH.format(
        name=command.name,
        function=function,
        steps=_indented(steps or ["*) ;;"], 12),
        values=_indented(values or ["*) ;;"], 8),
        words=_indented(words, 8),
    )


def _bash_values(path: str, options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        if option.value:
            names = "|".join(f'"{path} {name}"' for name in option.names)
            yield f"{names}) {_bash_value(option)} return;;"


def _bash_value(option: Option) -> str:
    if option.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$current"));'
    kind = {"FILE": "f", "DIR": "d"}.get(option.value)
    return f'COMPREPLY=($(compgen -{kind} -- "$current"));' if kind else "compopt +o default;"


def _indented(lines: Iterable[str], by: int) -> str:
    return "\n".join(" " * by + line for line in lines)


# zsh.


def _zsh(command: Command) -> str:
    lines = [f"#compdef {command.name}", ""]
    if command.name in _BEFORE_COMMANDS:
        lines += [
            "_arguments \\",
            *_zsh_options(command),
            "    '1: :_command_names -e' '*:: :_normal'",
        ]
        return "\n".join(lines) + "\n"
    functions = [_zsh_function(command.name, path, one) for path, one in _tree(command)]
    return "\n".join([*lines, *functions, f'{_zsh_name(command.name, "")} "$@"', ""])


def _zsh_name(name: str, path: str) -> str:
    return "_" + "_".join([name.replace("-", "_"), *path.split()]) + "_words"


def _zsh_function(name: str, path: str, command: Command) -> str:
    lines = [f"{_zsh_name(name, path)}() {{"]
    if not command.commands:
        lines += ["  _arguments \\", *_zsh_options(command), "    '*:file:_files'", "}", ""]
        return "\n".join(lines)
    words = [one.name.rpartition(" ")[2] for one in command.commands]
    described = [
        f"{word}:{_quoted(_summary(one), _ZSH_SPECIAL)}"
        for word, one in zip(words, command.commands, strict=True)
    ]
    return "\n".join(
        [
            *lines,
            "  local curcontext=$curcontext state line",
            "  local -a subcommands",
            "  subcommands=(" + " ".join(f"'{one}'" for one in described) + ")",
            "  _arguments -C \\",
            *_zsh_options(command),
            "    '1: :->subcommand' '*:: :->arguments'",
            "  case $state in",
            "    subcommand) _describe subcommand subcommands;;",
            "    arguments) case $words[1] in",
            *(f"      {word}) {_zsh_name(name, f'{path} {word}')};;" for word in words),
            "      esac;;",
            "  esac",
            "}",
            "",
        ]
    )


def _zsh_options(command: Command) -> Iterator[str]:
    for option in command.options:
        about = _quoted(option.about, _ZSH_SPECIAL)
        for name in option.names:
            equals = "=" if option.value and name.startswith("--") else ""
            yield f"    '{name}{equals}[{about}]{_zsh_value(option)}' \\"


def _zsh_value(option: Option) -> str:
    if not option.value:
        return ""
    action = {"FILE": "_files", "DIR": "_files -/"}.get(option.value, " ")
    if option.choices:
        action = f"({' '.join(option.choices)})"
    return f":{_quoted(option.value, _ZSH_SPECIAL)}:{action}"


# fish.


def _fish(command: Command) -> Iterator[str]:
    yield f"# fish completion for {command.name}\n"
    if command.name in _BEFORE_COMMANDS:
        first = f"complete -c {command.name} -n"
        yield f"{first} 'not __fish_is_first_arg' -x -a '(__fish_complete_subcommand)'\n"
        yield f"{first} __fish_is_first_arg -a '(__fish_complete_command)'\n"
    for path, one in _tree(command):
        condition = _fish_condition(path, one)
        for sub in one.commands:
            word, about = sub.name.rpartition(" ")[2], _quoted(_summary(sub), _FISH_SPECIAL)
            yield f"complete -c {command.name} -n '{condition}' -f -a {word} -d '{about}'\n"
        for option in one.options:
            yield f"complete -c {command.name} -n '{condition}' {_fish_option(option)}\n"


def _fish_condition(path: str, command: Command) -> str:
    words = path.split()
    seen = [f"__fish_seen_subcommand_from {word}" for word in words]
    below = " ".join(sub.name.rpartition(" ")[2] for sub in command.commands)
    if below:
        seen.append(f"not __fish_seen_subcommand_from {below}")
    return "; and ".join(seen) or "true"


def _fish_option(option: Option) -> str:
    names = " ".join(
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
    )
    value = ""
    if option.choices:
        value = f" -x -a '{' '.join(option.choices)}'"
    elif option.value:
        value = " -r -F" if option.value in _FILES else " -x"
    return f"{names}{value} -d '{_quoted(option.about, _FISH_SPECIAL)}'"


# All.

_ZSH_SPECIAL: Final = {"'": "'\\''", "[": "\\[", "]": "\\]", ":": "\\:", "`": "\\`", "$": "\\$"}
_FISH_SPECIAL: Final = {"\\": "\\\\", "'": "\\'"}


def _summary(command: Command) -> str:
    if command.name.count(" ") == 1:
        return summary_of(command)
    return command.about.rstrip(".")


def _quoted(text: str, special: dict[str, str]) -> str:
    return "".join(special.get(one, one) for one in text)


def write(folder: Path, made: Callable[[], dict[str, str]] = files) -> None:
    """Write all files below `folder`."""
    for name, text in made().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
