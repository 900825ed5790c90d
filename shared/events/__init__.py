"""The event contract: the only thing that certification and compliance share."""
