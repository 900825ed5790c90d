"""The `sagecert` command: the composition root of everything that runs."""

import gc
from importlib import import_module
from keyword import iskeyword
from typing import Final

import click

from services.cli.fd_limit import raise_fd_limit
from services.cli.progress_and_address import log_to_stderr
from services.host.gc_tuning import THRESHOLDS

_COMMANDS: Final = {
    "demo": "demo",
    "up": "up",
    "status": "status",
    "migrate": "component_commands",
    "certification": "component_commands",
    "compliance": "component_commands",
    "audit": "audit_commands",
    "witness": "witness_commands",
    "sandbox": "component_commands",
    "console": "component_commands",
    "keys": "keys",
    "listen": "listen",
    "import": "import_command",
    "reconcile": "reconcile",
}
"""Each command and its module in this package, which is imported only for that command."""


def _function(command: str) -> str:
    """The name of the command's function: `import` is a keyword of Python."""
    return f"{command}_" if iskeyword(command) else command


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"services.cli.{_COMMANDS[cmd_name]}"), _function(cmd_name))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sagecert", message="%(prog)s %(version)s")
def main() -> None:
    """Sage Partner Certification: which partners may sell Sage Partner Cloud, as of any instant.

    To try it: sagecert demo. For real use: sagecert up, on a PostgreSQL of its own or on the one that
    DATABASE_URL names. To run the parts separately: sagecert migrate, then certification serve, compliance
    serve, compliance work, compliance dispatch, audit serve, audit seal and console serve, each with its own settings
    and database role.
    """
    gc.set_threshold(*THRESHOLDS)  # loaded modules are not garbage
    log_to_stderr()
    raise_fd_limit()
