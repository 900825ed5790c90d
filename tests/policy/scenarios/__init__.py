"""The rules as stories: given what happened, when something more happens, then this is the answer."""
