# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The command pubtspd: serves, or one of check, status, drain, undrain, detach, decode, genkey."""

import json
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from ..common.program import start_log, version
from . import keys as key_file
from . import settings as settings_module
from .settings import DEFAULT_FILE, ROWS, TABLE, Settings, SettingsError

WRONG = 2  # exit status for wrong settings


def _die(lines: list[str], status: int = WRONG) -> NoReturn:
    for one in lines:
        click.echo(f"pubtspd: {one}", err=True)
    sys.exit(status)


def _add_flags(command: click.Command) -> None:
    """One flag for each setting; a value stays text until the table has parsed it."""
    for row in TABLE:
        many = isinstance(row.default, list) or row.default is None
        shown = "" if row.default in (None, "", []) else f" [{_text(row.default)}]"
        command.params.append(
            click.Option(
                [f"--{row.name}", row.attribute],
                multiple=many,
                metavar="VALUE",
                help=row.help + shown,
            )
        )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _given(flags: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for row in TABLE:
        value = flags[row.attribute]
        if isinstance(value, tuple):
            value = [word for one in value for word in str(one).replace(",", " ").split()]
        if value is not None and value != []:
            found[row.name] = value
    return found


def _file(config: str | None) -> Path | None:
    """The settings' file: the one named, else the usual one if it is there."""
    if config is not None:
        return Path(config)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help=f"settings [{DEFAULT_FILE}, if it is there]")
@click.version_option(version(), prog_name="pubtspd")
@click.pass_context
def main(context: click.Context, /, config: str | None, **flags: object) -> None:
    """Serve PubTSP: IPv6 for clients behind any IPv4 NAT.

    Without a command: serve, by the settings of a file and of flags, which go before it.
    """
    context.obj = (config, _given(flags))
    if context.invoked_subcommand is not None:
        return
    path, given = _file(config), _given(flags)

    def read() -> Settings:
        return settings_module.load(path, given)

    try:
        settings = read()
    except SettingsError as error:
        _die(error.lines)
    from .daemon import Daemon, StartError

    start_log("pubtspd")
    daemon = Daemon(settings, read)
    try:
        daemon.start()
        daemon.run()
    except StartError as error:
        _die([str(error)], 1)
    finally:
        daemon.close()


_add_flags(main)


@main.command()
@click.argument("file", default=DEFAULT_FILE)
def check(file: str) -> None:
    """Look whether the settings of FILE are right, and the key file if it is there; 2 if not."""
    try:
        settings = settings_module.load(Path(file), {})
        if settings.tag == "mac" and Path(settings.key_file).exists():
            key_file.load(Path(settings.key_file))
    except SettingsError as error:
        _die(error.lines)
    except key_file.KeyFileError as error:
        _die([str(error)])
    click.echo(f"{file}: good")


@main.command()
def genkey() -> None:
    """Print a key file with a new master key."""
    click.echo(key_file.generate(), nl=False)


# -- a server that runs --------------------------------------------------------------------------


def _asked(context: click.Context, name: str) -> Any:
    """A setting of the flags before the command, of the file, or its default.

    The rest of the file need not be right: a server that runs must stay within reach.
    """
    config, given = context.obj
    row = ROWS[name]
    path = _file(config)
    try:
        if name in given:
            return row.parser(given[name])
        found = settings_module.read(path) if path is not None else {}
        return row.parser(found[name]) if name in found else row.default
    except SettingsError as error:
        _die(error.lines)
    except ValueError as error:
        _die([f"{name}: it must be {error}"])


def _ask(context: click.Context, request: dict[str, Any]) -> dict[str, Any]:
    from ..common.control import ControlError, ask

    path = _asked(context, "control")
    if not path:
        _die(["control is empty: this server has no control socket"])
    try:
        answer = ask(path, request, "pubtspd")
    except ControlError as error:
        _die([str(error)], 1)
    if not answer.get("ok"):
        _die([str(answer.get("error"))], 1)
    return answer


@main.command()
@click.option("--json", "as_json", is_flag=True, help="all of it, for programs")
@click.pass_context
def status(context: click.Context, /, as_json: bool) -> None:
    """Show plane, keys and counters of the server that runs."""
    answer = _ask(context, {"command": "status"})
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    click.echo(f"plane      {answer['plane']}")
    click.echo(f"up for     {answer['uptime_s']} s")
    click.echo(f"self-test  {'passes' if answer['healthy'] else 'FAILS: the TUN device is down'}")
    click.echo(
        f"draining   {'to ' + ' '.join(answer['draining']) if answer['draining'] else 'no'}"
    )
    click.echo(f"key        {answer['key'] or 'none'}")
    for member in answer["members"]:
        for plane, counters in member["counters"].items():
            click.echo(f"{member['prefix']} at {member['listen']}, {plane}:")
            for name in sorted(counters):
                if counters[name]:
                    click.echo(f"  {name:16} {counters[name]}")


@main.command()
@click.argument("servers", nargs=-1, required=True)
@click.pass_context
def drain(context: click.Context, /, servers: tuple[str, ...]) -> None:
    """Send clients that ask for an address to other SERVERS: IPv4 addresses or names.

    Packets of addresses that were handed out pass as before.
    """
    answer = _ask(context, {"command": "drain", "to": list(servers)})
    click.echo("draining to " + " ".join(answer["draining"]))


@main.command()
@click.pass_context
def undrain(context: click.Context, /) -> None:
    """Serve clients again."""
    _ask(context, {"command": "undrain"})
    click.echo("serving")


@main.command()
@click.pass_context
def detach(context: click.Context, /) -> None:
    """End the data plane in the kernel that `pin` has left behind."""
    from .fastpath import detach_pinned

    pin = str(_asked(context, "pin"))
    if not pin:
        _die(["pin is empty: the plane of the kernel ends with pubtspd"])
    try:
        count = detach_pinned(Path(pin))
    except OSError as error:
        _die([f"{pin}: {error.strerror}"], 1)
    click.echo(f"{count} detached" if count else "nothing was attached")


# -- addresses -----------------------------------------------------------------------------------


@main.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...|-")
@click.option("--at", metavar="TIME", help="when it was seen, as 2026-11-28T01:02:03Z [now]")
@click.pass_context
def decode(context: click.Context, /, addresses: tuple[str, ...], at: str | None) -> None:
    """Tell who is behind an ADDRESS of a client: IPv4, port, tag valid or not, name.

    With - each line of the standard input is an address, and a time if it is known; each answer
    is one line then. Exit status 1 if an address was not handed out, 2 if one is none.
    """
    from .decode import decode as decoded
    from .decode import line, parse_address, parse_time, table

    mode = str(_asked(context, "tag"))
    path = Path(_asked(context, "key-file"))
    keys = None
    if mode == "mac":
        try:
            keys = key_file.load(path) if path.exists() else None
        except (key_file.KeyFileError, OSError) as error:
            click.echo(f"pubtspd: {error}; tags cannot be judged", err=True)
    prefixes, domain = _asked(context, "prefix") or [], str(_asked(context, "domain"))
    worst = 0
    many = addresses == ("-",)
    rows = (line.split() for line in sys.stdin) if many else ([one] for one in addresses)
    for words in rows:
        if not words:
            continue
        try:
            when = words[1] if len(words) > 1 else at
            seconds = int(time.time()) if when is None else parse_time(when)
            found = decoded(parse_address(words[0]), seconds, mode, keys, prefixes, domain)
        except ValueError as error:
            click.echo(f"pubtspd: {error}", err=True)
            worst = WRONG
            continue
        click.echo(line(found) if many else table(found))
        worst = max(worst, 1 if found.handed_out is False else 0)
    sys.exit(worst)
