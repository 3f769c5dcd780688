"""The rules of EN 16931 and of Factur-X, as their makers publish them, over an e-invoice."""

from functools import cache
from importlib import resources

from lxml import etree
from saxonche import PySaxonProcessor

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
RULES = "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"


@cache
def _rules() -> tuple[PySaxonProcessor, object]:
    processor = PySaxonProcessor(license=False)
    path = resources.files("facturx").joinpath(RULES)
    compiler = processor.new_xslt30_processor()
    return processor, compiler.compile_stylesheet(stylesheet_file=str(path))


def findings(xml: bytes) -> list[str]:
    """One sentence for each rule that the invoice breaks."""
    processor, rules = _rules()
    node = processor.parse_xml(xml_text=xml.decode())
    report = rules.transform_to_string(xdm_node=node)  # type: ignore[attr-defined]
    root = etree.fromstring(report.encode())
    return [
        " ".join("".join(failed.itertext()).split())
        for failed in root.iter(f"{SVRL}failed-assert")
    ]
