"""The fact log, and the `eventsourcing` library's persistence module over it; nothing else imports that library.

`PERSISTENCE_MODULE=services.certification.event_store.factory` lets an application of the library read the log and
append to it (`factory.py` lists the settings). The services load neither the library nor its driver.
"""
