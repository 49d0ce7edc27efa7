"""The almost fair CRPS, as a loss."""

from __future__ import annotations

from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor


def almost_fair_crps(
    members: Float[Tensor, "member ..."], truth: Float[Tensor, "..."], alpha: float
) -> Float[Tensor, ""]:
    """Return the mean of α times the fair CRPS plus 1 − α times the ordinary one.

    With M members it is mean|X_j − x| − (1 − (1 − α)/M)·Σ_{j<k}|X_j − X_k|/(M(M − 1)) (AIFS-CRPS,
    arXiv 2412.15832, equation 4). With α = 1 and two members the loss of a pair does not change
    when one of them lies at the truth and the other anywhere; a smaller α removes this degeneracy.

    Args:
        members: Forecasts, (member, …), at least two, in any unit.
        truth: Recorded values, (…), in the same unit.
        alpha: Share of the fair CRPS, from 0 to 1.

    Returns:
        A scalar in that unit; smaller is better.

    Raises:
        ValueError: There are fewer than two members.
    """
    count = len(members)
    if count < 2:
        raise ValueError(f"the fair CRPS needs two members or more, not {count}")
    pairs = [(members[j] - members[k]).abs() for j, k in combinations(range(count), 2)]
    difference = torch.stack(pairs).sum(0) / (count * (count - 1))
    error = (members - truth).abs().mean(0)
    return (error - (1 - (1 - alpha) / count) * difference).mean()
