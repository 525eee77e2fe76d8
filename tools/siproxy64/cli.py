# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The command siproxy64: serves, or one of check, status, calls, reload."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from ..common.program import start_log, version
from .asking import lines_of, path_in
from .configuration import parse
from .settings import DEFAULT_CONTROL, DEFAULT_FILE, Settings, SettingsError

WRONG = 2  # exit status for wrong settings


def _die(lines: list[str], status: int = WRONG) -> NoReturn:
    for one in lines:
        click.echo(f"siproxy64: {one}", err=True)
    sys.exit(status)


def read(config: str | None, maps: list[str], tunnel: bytes | None = None) -> Settings:
    """Return the settings of a file and of arguments real=representation; SettingsError."""
    text = ""
    if config is not None or Path(DEFAULT_FILE).exists() and not maps:
        path = Path(config or DEFAULT_FILE)
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError([f"{path}: {error}"]) from None
    return parse(text, maps, tunnel)


class _Group(click.Group):
    """Words that are no command are mappings."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Put real=representation where click looks for options."""
        out: list[str] = []
        for word in args:
            out += ["--map", word] if "=" in word and word[:1] != "-" else [word]
        return super().parse_args(context, out)


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="[REAL=REPRESENTATION]... | COMMAND",
)
@click.option("--config", metavar="FILE", help=f"configuration [{DEFAULT_FILE}, if it is there]")
@click.option("--control", metavar="PATH", help="control socket, in place of the configured one")
@click.option("--map", "maps", multiple=True, hidden=True)
@click.version_option(version(), prog_name="siproxy64")
@click.pass_context
def main(
    context: click.Context, /, config: str | None, control: str | None, maps: tuple[str, ...]
) -> None:
    """Mirror SIP calls between IPv4 and IPv6.

    Each REAL address is seen on the other side under its REPRESENTATION, an address of this
    machine: siproxy64 10.0.0.11=2001:db8::b:11 10.0.0.205=2001:db8:f00::5060
    """
    context.obj = (config, control)
    if context.invoked_subcommand is not None:
        return

    def again(tunnel: bytes | None) -> Settings:
        found = read(config, list(maps), tunnel)
        if control is not None:
            found.control = control
        return found

    try:
        settings = again(None)
    except SettingsError as error:
        _die(error.lines)
    if not settings.table.local_nets() and not settings.pools:
        _die(["nothing is mapped: siproxy64 REAL=REPRESENTATION, or --config FILE"])
    from .daemon import Daemon, StartError
    from .tunnel import TunError

    start_log("siproxy64")
    try:
        daemon = Daemon(settings, again)
    except StartError as error:
        _die([str(error)], 1)
    try:
        daemon.start()
        daemon.run()
    except (StartError, TunError) as error:
        _die([str(error)], 1)
    finally:
        daemon.close()


@main.command()
@click.argument("file", default=DEFAULT_FILE)
def check(file: str) -> None:
    """Look whether the configuration of FILE is right; 2 if not."""
    try:
        read(file, [])
    except SettingsError as error:
        _die(error.lines)
    click.echo(f"{file}: good")


# -- an instance that runs -----------------------------------------------------------------------


def _ask(context: click.Context, command: str) -> dict[str, Any]:
    from ..common.control import ControlError, ask

    config, control = context.obj
    path = control
    if path is None:
        path = DEFAULT_CONTROL
        file = Path(config or DEFAULT_FILE)
        if file.exists():
            path = path_in(file.read_text())
    try:
        answer = ask(path, {"command": command}, "siproxy64")
    except ControlError as error:
        _die([str(error)], 1)
    if not answer.get("ok"):
        _die([str(answer.get("error"))], 1)
    return answer


def _echo(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="all of it, for programs")
@click.pass_context
def status(context: click.Context, /, as_json: bool) -> None:
    """Show what the instance that runs has done."""
    answer = _ask(context, "status")
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    _echo(lines_of("status", answer))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="all of it, for programs")
@click.pass_context
def calls(context: click.Context, /, as_json: bool) -> None:
    """Show the calls whose media pass."""
    answer = _ask(context, "calls")
    if as_json:
        click.echo(json.dumps(answer["calls"], indent=1))
        return
    _echo(lines_of("calls", answer))


@main.command()
@click.pass_context
def reload(context: click.Context, /) -> None:
    """Let the instance that runs read its configuration again; 1 if it refuses it."""
    _echo(lines_of("reload", _ask(context, "reload")))
