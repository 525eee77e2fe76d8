# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The command `vox6`: a group of subcommands, each imported when it is asked for."""

import importlib

import click

# name: (module below this package, the command in it)
_COMMANDS = {"tunnel": (".tunnel", "tunnel")}


class _Group(click.Group):
    """Imports a subcommand when it is named, so that each costs only what it needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = _COMMANDS.get(cmd_name)
        if where is None:
            return None
        command = getattr(importlib.import_module(where[0], __package__), where[1])
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """IPv6 telephony for hosts."""
