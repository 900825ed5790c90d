"""The interactive documentation of an API, served whole from this package: nothing comes from a CDN."""
