"""A plan of blows is the same for the same seed and stays in its bounds."""

from pathlib import Path

from proofs import chaos


def test_the_same_seed_gives_the_same_plan() -> None:
    first, again = (chaos.plan(7, 300, 600, 75) for _ in range(2))

    assert first == again
    assert first != chaos.plan(8, 300, 600, 75)


def test_a_plan_strikes_everybody_in_every_way_and_in_order() -> None:
    blows = chaos.plan(20261125, 300, 600, 75)

    assert len(blows) == 300
    assert [blow.at for blow in blows] == sorted(blow.at for blow in blows)
    assert {blow.kind for blow in blows} == set(chaos.SHARES)
    assert {blow.target for blow in blows} == {
        "one",
        "two",
        "web",
        "beat",
        "redis",
        "postgres",
    }
    frozen = [blow.seconds for blow in blows if blow.kind == "freeze"]
    assert max(frozen) == 75
    assert all(seconds <= 4 or seconds == 75 for seconds in frozen)
    assert not any(blow.seconds for blow in blows if blow.kind != "freeze")


def test_a_plan_is_written_one_line_a_blow(tmp_path: Path) -> None:
    chaos.write(chaos.plan(1, 3, 10, 5), tmp_path / "blows.jsonl")

    assert len((tmp_path / "blows.jsonl").read_text().splitlines()) == 3
