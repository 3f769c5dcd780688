"""What a PDF says of the e-invoice inside it, in its XMP metadata.

Typst attaches the file and knows nothing of Factur-X. Its metadata are written once
more at the end, as an incremental update (ISO 32000-1, 7.5.6); every other byte stays.
Without a PDF library: those that could do it cost 27 MB in each process.
"""

import re
from typing import Final

FILE_NAME: Final = "factur-x.xml"
_METADATA = re.compile(
    rb"\n([0-9]+) 0 obj\n<</Length [0-9]+/Type/Metadata/Subtype/XML>>\nstream\n"
    rb"(.*?)\nendstream",
    re.DOTALL,
)
_TRAILER = re.compile(
    rb"trailer\n<<(.*?)>>\nstartxref\n([0-9]+)\n%%EOF\s*\Z", re.DOTALL
)
_CLOSED: Final = b"</rdf:Description>"
_NAMESPACE: Final = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_SAID: Final = {
    "DocumentType": ("INVOICE", "The type of the document"),
    "DocumentFileName": (FILE_NAME, "The name of the embedded XML document"),
    "Version": ("1.0", "The version of the schema of the XML document"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the XML document"),
}


class UnknownShape(ValueError):
    """The file is not as Typst writes it for PDF/A-3."""


def with_e_invoice(pdf: bytes) -> bytes:
    """The same file, whose metadata say that it holds FILE_NAME; UnknownShape else."""
    found, trailer = _METADATA.search(pdf), _TRAILER.search(pdf)
    if found is None or trailer is None:
        raise UnknownShape("It has no plain metadata, or no trailer.")
    metadata = _extended(found[2])
    start = len(pdf) + 1
    written = (
        b"\n%b 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b\nendstream"
        b"\nendobj\n" % (found[1], len(metadata), metadata)
    )
    table = len(pdf) + len(written)
    return (
        pdf
        + written
        + b"xref\n%b 1\n%010d 00000 n\r\n" % (found[1], start)
        + b"trailer\n<<%b/Prev %b>>\n" % (trailer[1], trailer[2])
        + b"startxref\n%d\n%%%%EOF\n" % table
    )


def _extended(metadata: bytes) -> bytes:
    schemas, end = b"<pdfaExtension:schemas><rdf:Bag>", b"</rdf:Description></rdf:RDF>"
    if metadata.count(schemas) != 1 or metadata.count(end) != 1:
        raise UnknownShape("Its metadata have another layout.")
    with_schema = metadata.replace(schemas, schemas + _SCHEMA.encode())
    closed, rest = end[: len(_CLOSED)], end[len(_CLOSED) :]
    return with_schema.replace(end, closed + _FACTS.encode() + rest)


_PROPERTIES = "".join(
    '<rdf:li rdf:parseType="Resource">'
    f"<pdfaProperty:name>{name}</pdfaProperty:name>"
    "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
    "<pdfaProperty:category>external</pdfaProperty:category>"
    f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
    for name, (_value, description) in _SAID.items()
)
_SCHEMA: Final = (
    '<rdf:li rdf:parseType="Resource">'
    "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
    f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI>"
    "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    f"<pdfaSchema:property><rdf:Seq>{_PROPERTIES}</rdf:Seq></pdfaSchema:property>"
    "</rdf:li>"
)
_FACTS: Final = (
    f'<rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}">'
    + "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _d) in _SAID.items())
    + "</rdf:Description>"
)
