"""`sagecert-client` against the system, and against its OpenAPI documents."""
