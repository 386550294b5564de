"""Media nodes: registration, signed control requests, the client that reaches them."""

from sovereign.nodes.client import NO_CAPACITY, NODE_UNREACHABLE, NodeAnswer, NodeClient
from sovereign.nodes.model import HEARTBEAT_INTERVAL, LOST_AFTER, SILENT_AFTER, Node, NodeState, by_free_capacity
from sovereign.nodes.store import NodeStore

__all__ = [
    "HEARTBEAT_INTERVAL",
    "LOST_AFTER",
    "NODE_UNREACHABLE",
    "NO_CAPACITY",
    "SILENT_AFTER",
    "Node",
    "NodeAnswer",
    "NodeClient",
    "NodeState",
    "NodeStore",
    "by_free_capacity",
]
