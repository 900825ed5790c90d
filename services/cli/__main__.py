"""`python -m services.cli` is `sagecert`."""

from services.cli import main

main(prog_name="sagecert")
