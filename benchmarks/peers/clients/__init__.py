"""How each library is asked to watch, by its own documentation; see `benchmarks.peers.client`."""
