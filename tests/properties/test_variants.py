"""Each invariant catches a fault that was put in for it, and says its name."""

import pytest

from . import machine
from .invariants import Broken
from .variants import VARIANTS, Variant
from .world import Base

pytestmark = pytest.mark.stack
EXAMPLES, SEED = 300, 20260615


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_fault_is_caught_by_its_invariant(
    base: Base, variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant.breaks(monkeypatch)

    with pytest.raises(Broken, match=rf"^invariant {variant.number} "):
        machine.run(
            base,
            examples=EXAMPLES,
            steps=variant.steps,
            number=SEED,
            sql=variant.sql,
            only=variant.only,
        )
