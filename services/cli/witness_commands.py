"""`sagecert witness`: a witness of any C2SP log."""

import json
from pathlib import Path

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import json_option, port_option


@click.group()
def witness() -> None:
    """A witness: it cosigns checkpoints of logs that only ever grow."""


@witness.command("serve")
@click.option("--name", required=True, help="The name of the witness, such as witness.example/w1.")
@click.option(
    "--log", "logs", multiple=True, required=True, metavar="KEY", help="A verifier key of a log; may be given again."
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".witness"),
    show_default=True,
    help="Directory of the signing key and of the checkpoints seen.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@port_option(8005)
@json_option
def serve(name: str, logs: tuple[str, ...], directory: Path, host: str, port: int, as_json: bool) -> None:
    """Serve add-checkpoint (C2SP tlog-witness) to these logs. Needs no database.

    Run it where the owners of the logs have no rights.
    """
    with friendly_errors():
        from services.audit.files_beside_database import KeyDirectory
        from services.audit.note import NoteError, VerifierKey
        from services.audit.witness.server import create_app
        from services.audit.witness.state import WitnessState
        from services.audit.witness.witness import Witness
        from services.cli.error_messages import cannot_listen
        from services.host import asgi_server
        from services.host.listening_socket import listen, origin
        from services.host.run_until_signal import run
        from services.host.wall_clock import wall_clock

        try:
            known = [VerifierKey.parse(log) for log in logs]
        except NoteError as problem:
            raise click.ClickException(f"A --log is the verifier key of a log: {problem}.") from problem
        kept = KeyDirectory(directory)
        key = kept.any_signing_key() or kept.make_signing_key()
        try:
            listening = listen(host, port)
        except OSError as problem:
            raise cannot_listen(host, port, problem) from problem
        state = WitnessState(directory / "seen.sqlite")
        of_logs = Witness(name, key, known, state, lambda: int(wall_clock().timestamp()))
        address, verifier_key = origin(listening), of_logs.verifier_key.text

        def ready() -> None:
            if as_json:
                click.echo(json.dumps({"url": address, "key": verifier_key}))
            else:
                click.echo(f"Witnessing on {address} as {verifier_key}; Ctrl-C stops it.")

        try:
            run(asgi_server.serve(create_app(of_logs), listening, ready))
        finally:
            state.close()
