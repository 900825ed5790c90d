"""The fact log, kept by the `eventsourcing` library on PostgreSQL; nothing else imports that library."""
