from pathlib import Path

import pytest

from proofs import vendor_specs


def test_names_the_variable_when_the_folder_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROVIDER_SPECS", str(tmp_path))

    with pytest.raises(
        vendor_specs.SpecsMissing, match="Set PROVIDER_SPECS to the folder"
    ):
        vendor_specs.specs_directory()


def test_looks_beside_the_repository_without_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PROVIDER_SPECS", raising=False)
    monkeypatch.setattr(vendor_specs, "DEFAULT_DIRECTORY", tmp_path)
    with pytest.raises(vendor_specs.SpecsMissing, match="shared/specs holds no"):
        vendor_specs.specs_directory()

    (tmp_path / "check_request.py").write_text("")

    assert vendor_specs.specs_directory() == tmp_path


@pytest.mark.stack
def test_loads_the_vendors_checker() -> None:
    checker = vendor_specs.load()

    assert checker.request("stripe", "GET", "/v1/balance") == []
    assert checker.request("stripe", "GET", "/v1/nowhere") == [
        "/v1/nowhere: no such path in the stripe documents"
    ]
