import pytest
from pytest_django import Settings

from .. import sealing

OLD, NEW = "o" * 40, "n" * 40


def test_opens_what_it_sealed_and_shows_nothing(settings: Settings) -> None:
    settings.FIELD_KEYS = {"v1": OLD}

    sealed = sealing.seal("mfa", "JBSWY3DPEHPK3PXP")

    assert sealed.startswith("v1:")
    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert sealing.unseal("mfa", sealed) == "JBSWY3DPEHPK3PXP"


def test_a_new_key_seals_and_the_old_one_still_opens(settings: Settings) -> None:
    settings.FIELD_KEYS = {"v1": OLD}
    before = sealing.seal("mfa", "secret")

    settings.FIELD_KEYS = {"v2": NEW, "v1": OLD}

    assert sealing.unseal("mfa", before) == "secret"
    assert sealing.seal("mfa", "secret").startswith("v2:")


def test_refuses_another_purpose_a_lost_key_and_a_changed_text(
    settings: Settings,
) -> None:
    settings.FIELD_KEYS = {"v1": OLD}
    sealed = sealing.seal("mfa", "secret")

    with pytest.raises(sealing.SealError):
        sealing.unseal("provider", sealed)
    with pytest.raises(sealing.SealError):
        sealing.unseal("mfa", sealed[:-4] + "AAA=")
    settings.FIELD_KEYS = {"v2": NEW}
    with pytest.raises(sealing.SealError):
        sealing.unseal("mfa", sealed)
