"""An upstream that runs elsewhere, as an ASGI application: its addresses, their health, and one call at a time.

Must not be broken: nothing that was sent once is sent again unless repeating it is harmless (see ``call.py``), and nothing is
held that only passes, but bodies of at most 64 KiB.
"""

from gateway.proxy.upstream import Upstream

__all__ = ["Upstream"]
