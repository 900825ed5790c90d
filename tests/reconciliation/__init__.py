"""`sagecert reconcile`: a full transcript is compared with the log."""
