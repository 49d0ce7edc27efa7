"""The running process: device, memory, signals, locks and progress."""
