"""The bus over RabbitMQ. Only here is its client known.

bus.py what services see · publisher.py hands over, confirmed · receiver.py delivers and acknowledges · session.py keeps a connection up ·
declaring.py puts the topology onto the broker · message.py an envelope as a message.
"""

from shared.kit.rabbit.bus import RabbitBus

__all__ = ["RabbitBus"]
