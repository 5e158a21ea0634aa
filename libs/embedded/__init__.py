"""A real Apache Kafka and a real PostgreSQL on one machine, from Python packages."""

from libs.embedded.process import EmbeddedError
from libs.embedded.servers import Servers, start

__all__ = ["EmbeddedError", "Servers", "start"]
