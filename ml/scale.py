"""The scale of scores: from a probability of default to points and back.

Points to double the odds: odds of 4 good loans to 1 bad are 600 points, and every 50 points double
them. So 580 points are a probability of default of 25 %, 670 of 9 %, 740 of 3.5 %, 800 of 1.5 %.
"""

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 300, 850
ANCHOR_POINTS, ANCHOR_ODDS = 600, 4.0
POINTS_TO_DOUBLE_THE_ODDS = 50


def points(probability_of_default: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Scores of probabilities in (0, 1), rounded half to even and held within 300 to 850."""
    odds = (1.0 - probability_of_default) / probability_of_default
    score = ANCHOR_POINTS + POINTS_TO_DOUBLE_THE_ODDS * np.log2(odds / ANCHOR_ODDS)
    return np.asarray(np.clip(np.rint(score), LOWEST, HIGHEST), dtype=np.int32)
