"""The model, the features it reads, and the scores it gives."""

from datetime import date, timedelta

import dagster as dg

from ml.features.compute import compute_features
from ml.features.declarations import load_definitions
from ml.model import Model
from ml.monitoring import stability
from ml.plots import calibration, score_distribution
from ml.scoring import score
from ml.tables import FEATURES, FEATURES_EVIDENCE, SCORES, SCORES_EVIDENCE
from ml.training.dataset import Dataset
from ml.training.superlender import load_superlender
from ml.training.train import PARAMETERS, ROUNDS, train
from orchestration.asset import RETRIES, business_date_asset
from orchestration.asset_page import pages_wanted, picture, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PAYMENTS

GROUP = "credit"
OWNER = "credit-risk"
SEED = 1


@dg.asset(
    group_name=GROUP,
    owners=[f"team:{OWNER}"],
    kinds={"lightgbm", "python"},
    retry_policy=RETRIES,
    automation_condition=dg.AutomationCondition.on_missing(),
)
def credit_model(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Probability of default, trained on labelled loans as known when each was granted.

    Trained once per set of loans and definitions: the same data, seed and code are the same bytes,
    so a model that is there already is used.
    """
    settings = platform.settings
    dataset = load_superlender(settings.credit_data, definitions=load_definitions())
    model = _current_model(platform)
    if model is None or not _trained_on(model, dataset):
        model = train(dataset=dataset, seed=SEED)
        model.save(settings.models)
        (settings.models / "current").write_text(f"{model.model_id}\n")
    metrics = model.card.metrics
    return dg.MaterializeResult(
        metadata={
            "model": model.model_id,
            "trained on": dg.MetadataValue.path(settings.credit_data),
            "loans": model.card.loans,
            "share of defaults": model.card.default_rate,
            "AUC, out of fold": metrics.auc,
            "features": [feature.name for feature in model.card.features],
            "calibration": picture(calibration(model), title="Calibration"),
        }
    )


@business_date_asset(group=GROUP, owner=OWNER, kinds={"polars", "duckdb"}, deps=["close"])
def features(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Point-in-time features of every customer account, at the observation points of the run."""
    days = business_dates(context)
    lake, definitions = platform.lake, load_definitions()
    for day in days:
        if not _observed(day, days):
            context.add_asset_metadata({"observation point": False}, partition_key=str(day))
            continue
        computed = compute_features(
            business_date=day,
            entries=lake.scan_until(ENTRIES, day),
            accounts=lake.scan(ACCOUNTS, [day]),
            payments=lake.scan_until(PAYMENTS, day),
            definitions=definitions,
        )
        lake.write(FEATURES, day, computed.features)
        lake.write(FEATURES_EVIDENCE, day, computed.evidence)
        context.add_asset_metadata(
            {
                "observation point": True,
                "accounts": computed.features["account_id"].n_unique(),
                "features": computed.features["feature"].n_unique(),
            },
            partition_key=str(day),
        )


@business_date_asset(group=GROUP, owner=OWNER, kinds={"lightgbm"}, deps=["features", "credit_model"])
def scores(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Probability of default and score per customer account, with the three strongest reasons."""
    days = business_dates(context)
    lake = platform.lake
    model = _current_model(platform)
    if model is None:
        raise NoModel
    for day in days:
        if not _observed(day, days):
            context.add_asset_metadata({"observation point": False}, partition_key=str(day))
            continue
        scored = score(
            business_date=day,
            features=lake.read(FEATURES, day),
            evidence=lake.read(FEATURES_EVIDENCE, day),
            accounts=lake.scan(ACCOUNTS, [day]),
            model=model,
        )
        lake.write(SCORES, day, scored.scores)
        lake.write(SCORES_EVIDENCE, day, scored.evidence)
        page = {}
        if pages_wanted(days):
            shown = scored.scores.sort("score", nulls_last=True).drop("business_date", "model_id")
            moved = stability(
                business_date=day,
                features=lake.read(FEATURES, day),
                scores=scored.scores,
                model=model,
            )
            page = {
                "scores": picture(score_distribution(scored.scores), title="Scores"),
                "population stability against training": table(moved.indices.drop("model_id")),
                "lowest scores": table(shown),
            }
        context.add_asset_metadata(
            {"observation point": True, "scores": scored.scores.height, **page}, partition_key=str(day)
        )


class NoModel(LookupError):
    """Scores are asked for before a model was trained."""

    def __init__(self) -> None:
        super().__init__("there is no trained model: materialise credit_model first")


def _observed(day: date, days: list[date]) -> bool:
    """Observation points: every date of a short run; in a long one month ends and its last date."""
    return pages_wanted(days) or day == days[-1] or (day + timedelta(days=1)).day == 1


def _trained_on(model: Model, dataset: Dataset) -> bool:
    """Whether training again would give the same bytes."""
    learnt = dataset.of(model.card.kind.families).sha256()
    card = model.card
    return (card.data_sha256, card.seed, card.rounds, card.parameters) == (
        learnt,
        SEED,
        ROUNDS,
        PARAMETERS,
    )


def _current_model(platform: Platform) -> Model | None:
    current = platform.settings.models / "current"
    if not current.exists():
        return None
    return Model.load(platform.settings.models / current.read_text().strip())
