"""The bytes of every response, for ever: `store` keeps them, in `blocks`; `imports`, `lines` and `warc` bring them in."""

from crawler.captures.blocks import CorruptBodyError
from crawler.captures.store import Captures

__all__ = ["Captures", "CorruptBodyError"]
