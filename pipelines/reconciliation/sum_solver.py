"""Subset sums by a constraint solver, for questions too large to enumerate.

Belongs here: the model for OR-tools' CP-SAT. The smallest subset is asked for, forbidden together
with everything that contains it, and asked for again, until the solver proves that none is left or
its bound is reached. One worker, a fixed seed and deterministic time make the answer the same on
every machine.
"""

from collections.abc import Sequence

from ortools.sat.python import cp_model

SEED = 1


def solve_sum(
    amounts: Sequence[int], *, target: int, limit: int, deterministic_time: float
) -> tuple[list[tuple[int, ...]], bool]:
    """Up to `limit` minimal subsets that add up to the target, and whether these are proved to be all.

    Minimal: containing no smaller one; of positive amounts and a positive target every subset is.
    `deterministic_time` bounds all questions together; the empty subset is never an answer.
    """
    model = cp_model.CpModel()
    chosen = [model.new_bool_var(f"{index}") for index in range(len(amounts))]
    model.add(cp_model.LinearExpr.weighted_sum(chosen, list(amounts)) == target)
    model.add_bool_or(chosen)
    if target == 0:
        model.minimize(cp_model.LinearExpr.sum(chosen))
    found: list[tuple[int, ...]] = []
    left = deterministic_time
    while left > 0:
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = SEED
        solver.parameters.max_deterministic_time = left
        status = solver.solve(model)
        if status == cp_model.INFEASIBLE:
            return found, True
        if status != cp_model.OPTIMAL or len(found) == limit:
            break
        subset = tuple(index for index, item in enumerate(chosen) if solver.boolean_value(item))
        found.append(subset)
        model.add_bool_or([chosen[index].negated() for index in subset])
        left -= solver.response_proto.deterministic_time
    return found, False
