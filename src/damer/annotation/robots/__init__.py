"""Robots: simulated annotators who work through a running server as a browser does, over HTTP.

They follow what the server says comes next, listen to what it sends, move `damer.annotation.simulation.hand`,
and keep what they recorded in an outbox until it is acknowledged. The demonstration, the fault test and the
load benchmark use them.
"""

from damer.annotation.robots.connection import Answer, Connection, Door, RefusedError, UnreachableError
from damer.annotation.robots.ear import Ear, Piece
from damer.annotation.robots.outbox import Batch, Outbox
from damer.annotation.robots.robot import Pace, Robot
from damer.annotation.robots.visitor import Visitor

__all__ = [
    "Answer",
    "Batch",
    "Connection",
    "Door",
    "Ear",
    "Outbox",
    "Pace",
    "Piece",
    "RefusedError",
    "Robot",
    "UnreachableError",
    "Visitor",
]
