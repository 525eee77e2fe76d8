# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The command pubtspd: serves, or one of check, status, drain, undrain, decode, genkey."""

import importlib.metadata
import logging
import os
import sys
import time
from pathlib import Path

import click

from . import settings as settings_module
from .settings import DEFAULT_FILE, TABLE, Settings, SettingsError

WRONG = 2  # exit status for wrong settings


def _die(error: SettingsError) -> None:
    for line in error.lines:
        click.echo(f"pubtspd: {line}", err=True)
    sys.exit(WRONG)


def _add_flags(command: click.Command) -> click.Command:
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
    return command


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _given(flags: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for row in TABLE:
        value = flags[row.attribute]
        if isinstance(value, tuple):
            value = [word for one in value for word in str(one).replace(",", " ").split()]
        if value not in (None, []):
            found[row.name] = value
    return found


def _version() -> str:
    try:
        return importlib.metadata.version("vox6")
    except importlib.metadata.PackageNotFoundError:
        return "of the source tree"


def _start_log() -> None:
    journal = "JOURNAL_STREAM" in os.environ  # it has a clock of its own
    form = "%(message)s" if journal else "%(asctime)s.%(msecs)03dZ pubtspd: %(message)s"
    handler = logging.StreamHandler()
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.getLogger("pubtspd").addHandler(handler)
    logging.getLogger("pubtspd").setLevel(logging.INFO)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help=f"settings [{DEFAULT_FILE}, if it is there]")
@click.version_option(_version(), prog_name="pubtspd")
@click.pass_context
def main(context: click.Context, /, config: str | None, **flags: object) -> None:
    """Serve PubTSP: IPv6 for clients behind any IPv4 NAT.

    Without a command: serve, by the settings of a file and of flags, which go before it.
    """
    if context.invoked_subcommand is not None:
        return
    given = _given(flags)
    path = _file(config)

    def read() -> Settings:
        return settings_module.load(path, given)

    try:
        settings = read()
    except SettingsError as error:
        _die(error)
    from .daemon import Daemon, KeyFileError, StartError

    _start_log()
    daemon = None
    try:
        daemon = Daemon(settings, read)
        daemon.start()
        daemon.run()
    except (StartError, KeyFileError) as error:
        click.echo(f"pubtspd: {error}", err=True)
        sys.exit(1)
    finally:
        if daemon is not None:
            daemon.close()


def _file(config: str | None) -> Path | None:
    if config is not None:
        return Path(config)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


_add_flags(main)


@main.command()
@click.argument("file", default=DEFAULT_FILE)
def check(file: str) -> None:
    """Look whether the settings of FILE are right; 2 if not."""
    try:
        settings_module.load(Path(file), {})
    except SettingsError as error:
        _die(error)
    click.echo(f"{file}: good")


@main.command()
def genkey() -> None:
    """Print a key file with a new master key."""
    from .keys import generate

    click.echo(generate(), nl=False)
