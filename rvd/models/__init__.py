"""Models: one package per model, one interface, one registry, one file format."""
