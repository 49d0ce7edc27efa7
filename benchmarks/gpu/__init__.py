"""The stages of a session on a rented GPU (:mod:`benchmarks.gpu_session`)."""
