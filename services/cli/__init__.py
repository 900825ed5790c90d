"""The `sagecert` command: the composition root of everything that runs."""

import click

from services.cli.demo import demo
from services.cli.descriptors import allow_enough
from services.cli.output import log_to_stderr
from services.cli.parts import certification, compliance, migrate, sandbox
from services.cli.status import status
from services.cli.up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sagecert", message="%(prog)s %(version)s")
def main() -> None:
    """Sage Partner Certification: which partners may sell Sage Partner Cloud, as of any instant.

    To try it: sagecert demo. For real use: sagecert up, on a PostgreSQL of its own or on the one that
    DATABASE_URL names. To run the parts apart: sagecert migrate, then certification serve, compliance
    serve, compliance work and compliance dispatch, each with its own settings; all but the first of
    these four take the compliance role.
    """
    log_to_stderr()
    allow_enough()


for command in (demo, up, status, migrate, certification, compliance, sandbox):
    main.add_command(command)
