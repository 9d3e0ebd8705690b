"""Settlement schemes are data that is checked: what cannot hold names its file and field."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from ledger_service.reference.schemes import (
    SCHEMES_FOLDER,
    InvalidScheme,
    NoScheme,
    SettlementModel,
    home_schemes,
    read_scheme,
    read_schemes,
    scheme_on,
)

DAY = date(2026, 3, 2)
PROFILES = Path(__file__).resolve().parents[3] / "pipelines" / "settlement" / "profiles"


def written(folder: Path, **changes: object) -> Path:
    document = yaml.safe_load((SCHEMES_FOLDER / "east-africa.yaml").read_text(encoding="utf-8"))
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(document | changes), encoding="utf-8")
    return path


def test_the_shipped_schemes_are_valid_and_name_formats_that_exist() -> None:
    shipped = read_schemes()
    assert {scheme.model for scheme in shipped} == set(SettlementModel)
    assert {"papss-like", "repss-like"} <= {scheme.id for scheme in shipped}
    for scheme in shipped:
        assert (PROFILES / f"{scheme.agent.format_profile}.yaml").is_file()


def test_every_window_of_the_home_schemes_has_an_id_of_its_own() -> None:
    ids = [window.id for scheme in home_schemes(DAY) for window in scheme.windows]
    assert len(ids) == len(set(ids)) > 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "East Africa"}, "id"),
        ({"colour": "red"}, "colour"),
        ({"model": "someday"}, "model"),
        ({"netting": None}, "netting"),
        ({"windows": []}, "windows"),
        ({"model": "real_time_gross", "netting": None}, "windows"),
        ({"windows": [{"id": "a", "closes_at": "noon"}]}, "windows.0.closes_at"),
        ({"windows": [{"id": "a"}]}, "windows.0"),
        (
            {"windows": [{"id": "a", "closes_at": "09:00"}, {"id": "b", "closes_at": "08:00"}]},
            "windows",
        ),
        ({"windows": [{"id": "a", "closes_at_minor": {"USD": 1}}]}, "windows"),
        ({"windows": [{"id": "a", "closes_at_minor": {"KES": 0}}]}, "windows.0.closes_at_minor.KES"),
        ({"currencies": ["KES", "KES"], "pvp_pairs": []}, "currencies"),
        ({"pvp_pairs": [["KES", "USD"]]}, "pvp_pairs"),
        ({"joining_caps_minor": {"USD": 1}}, "joining_caps_minor"),
        ({"joining_caps_minor": {"KES": -1}}, "joining_caps_minor.KES"),
        ({"windows": [{"id": "a", "closes_at_minor": {"KES": 1}}]}, "home"),
        ({"pvp_pairs": [["KES", "UGX"], ["UGX", "KES"]]}, "pvp_pairs"),
    ],
)
def test_what_cannot_hold_names_file_and_field(
    tmp_path: Path, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidScheme) as invalid:
        read_scheme(written(tmp_path, **changes))
    assert (invalid.value.file, invalid.value.field) == ("changed.yaml", field)


def test_a_file_that_is_no_yaml_or_no_mapping_says_so(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    for content in ("id: [", "just words"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InvalidScheme, match=r"broken\.yaml, file"):
            read_scheme(path)


def test_a_later_file_takes_over_from_its_date(tmp_path: Path) -> None:
    written(tmp_path, title="Before").rename(tmp_path / "a.yaml")
    written(tmp_path, title="After", valid_from=DAY).rename(tmp_path / "b.yaml")
    schemes = read_schemes(tmp_path)
    assert scheme_on("east-africa", DAY, schemes).title == "After"
    assert scheme_on("east-africa", date(2026, 3, 1), schemes).title == "Before"
    with pytest.raises(NoScheme):
        scheme_on("nowhere", DAY, schemes)
    written(tmp_path, title="Again", valid_from=DAY).rename(tmp_path / "c.yaml")
    read_schemes.cache_clear()
    with pytest.raises(InvalidScheme, match="another file valid from"):
        read_schemes(tmp_path)


def test_a_window_by_the_clock_closes_on_its_business_date() -> None:
    scheme = scheme_on("east-africa", DAY)
    assert scheme.closes_at("east-africa-1", DAY) == datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert scheme.closes_at("unknown", DAY) is None


def test_a_retry_rule_is_found_by_its_code() -> None:
    agent = scheme_on("east-africa", DAY).agent
    rule = agent.retry_rule("AM04")
    assert rule is not None
    assert rule.attempts == 4
    assert agent.retry_rule("AC04") is None
