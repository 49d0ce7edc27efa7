"""Predicted times for one H100, made before any GPU was measured, and the times to reach.

They assume 3 TB/s, 200 TFLOP/s in TF32 and 350 in bfloat16, 2.5 µs per kernel, and 8 and 5 µs of
the host per operation of a forward and backward pass (``docs/performance.md``, "On a GPU").
"""

from __future__ import annotations

# Rates of the device.
RATES = {"copy, TB/s": 3.0, "TF32, TFLOP/s": 200.0, "bfloat16, TFLOP/s": 350.0}

# Milliseconds of RVD's training step, by size and variant.
TRAINING = {
    ("64 px", "float32 (TF32)"): 29.0,
    ("64 px", "bfloat16"): 25.0,
    ("64 px", "bfloat16, compiled, CUDA graph"): 13.0,
    ("128 px", "float32 (TF32)"): 61.0,
    ("128 px", "bfloat16, compiled, CUDA graph"): 26.5,
}
TRAINING_TO_REACH = {"64 px": 16.0, "128 px": 32.0}

# Milliseconds of a denoising step in float32 (TF32) without compilation, by size and rows.
DENOISING = {
    ("64 px", 16): 2.8,
    ("64 px", 128): 9.0,
    ("128 px", 16): 4.5,
    ("128 px", 128): 32.0,
}
DENOISING_TO_REACH = {("64 px", 16): 1.5}

# Hours of 1,000,000 training steps in float32 (TF32) with three channels, by model, at 64 and 128
# px (docs/reproduction.md, "Predicted cost at the paper's size").
HOURS = {
    "rvd": (7.99, 15.57),
    "vd": (5.76, 9.38),
    "rvd-2+3": (4.66, 8.84),
    "ivrnn": (31.26, 113.55),
    "ivrnn-4+4": (17.77, 62.86),
    "svg-lp": (39.59, 154.29),
    "retro-gan": (6.43, 23.30),
    "dvd-gan": (22.64, 41.58),
    "future-gan": (17.71, 15.98),
}


def hours(model: str, size: int) -> float | None:
    """Return the predicted hours of a model's training at 64 or 128 px, or None."""
    found = HOURS.get(model)
    return found[size == 128] if found and size in (64, 128) else None


def compared(measured: float, predicted: float | None, to_reach: float | None = None) -> dict:
    """Return a prediction and the ratio of the measurement to it, as fields of a row."""
    fields: dict[str, float] = {}
    if predicted is not None:
        fields |= {"predicted": predicted, "measured / predicted": round(measured / predicted, 2)}
    return fields | ({"to reach": to_reach} if to_reach is not None else {})
