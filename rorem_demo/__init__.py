"""RORem's Space: remove an object from a photo, compare removers, and say whether it worked."""

__version__ = "0.1.0"
