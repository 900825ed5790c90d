"""The `sagecert` command."""

import click


@click.group()
@click.version_option(package_name="sagecert")
def main() -> None:
    """Sage Partner Certification: who may sell Sage Partner Cloud, as of any instant."""
