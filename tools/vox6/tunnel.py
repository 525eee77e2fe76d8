# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The command `vox6 tunnel`: flags, configuration file, log, exit status."""

import logging
import os
import sys
from pathlib import Path

import click

from ..common.tun import TunError
from ..common.tunnel import options as settings
from ..common.tunnel.driver import Tunnel
from ..common.tunnel.options import OptionError, Options

DEFAULT_FILE = Path("/etc/vox6/tunnel.conf")


def _flags(command: click.Command) -> click.Command:
    """Give a command a flag for each setting."""
    for name, kind, text in settings.names():
        default = settings.default_text(name)
        flag = click.Option(
            [f"--{name}"],
            metavar={"switch": "yes|no", "number": "N"}.get(kind, name.upper()),
            help=text + (f"  [{default}]" if default else ""),
            multiple=kind in ("servers", "prefixes"),
        )
        command.params.append(flag)
    return command


def tunnel_main(config: Path | None, **flags: str | tuple[str, ...] | None) -> None:
    options = Options()
    try:
        if config is not None:
            settings.read_file(options, config)
        elif DEFAULT_FILE.exists():
            settings.read_file(options, DEFAULT_FILE)
        for name, value in flags.items():
            if value:
                text = value if isinstance(value, str) else " ".join(value)
                settings.set_option(options, name.replace("_", "-"), text)
    except OptionError as error:
        raise click.UsageError(str(error)) from None
    _log(options.verbose)
    try:
        with Tunnel(options) as tunnel:
            tunnel.on_signals()
            tunnel.run()
    except TunError as error:
        raise click.ClickException(str(error)) from None


def _log(verbose: bool) -> None:
    """Log to the standard error; the journal has the time itself."""
    form = "%(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(message)s"
    logging.basicConfig(
        stream=sys.stderr, format=form, level=logging.DEBUG if verbose else logging.INFO
    )


tunnel = _flags(
    click.Command(
        "tunnel",
        callback=tunnel_main,
        params=[
            click.Option(
                ["--config"],
                type=click.Path(path_type=Path),
                help=f"TOML file with the settings below  [{DEFAULT_FILE} if it is there]",
            )
        ],
        help="Bring up IPv6 for this host behind any IPv4 NAT, by a server of PubTSP.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
)
