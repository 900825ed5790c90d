"""A database is a sandbox for ever or never; its first start decides. This refuses to use it as the other kind."""


class SandboxMismatch(Exception):
    """The database is a sandbox and was opened as a real one, or the other way round."""


def refuse_sandbox_mismatch(*, is_sandbox: bool, wanted: bool) -> None:
    """Raises `SandboxMismatch`. `is_sandbox`: as the first start decided. `wanted`: as this start asks."""
    if is_sandbox and not wanted:
        raise SandboxMismatch("This database belongs to a sandbox: start with --sandbox, or on other data.")
    if wanted and not is_sandbox:
        raise SandboxMismatch("This database never becomes a sandbox: start without --sandbox, or on other data.")
