"""The workflow: where files lie, and what each rule depends on."""
