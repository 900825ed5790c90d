"""The fact log, and the `eventsourcing` library's persistence module over it; nothing else imports that library.

`PERSISTENCE_MODULE=services.certification.event_store` lets an application of the library read the log and append to
it (`factory.py` lists the settings).
"""

from services.certification.event_store.factory import Factory

__all__ = ["Factory"]
