"""Tables that people hand in as files: CSV in whatever dialect, and XLSX.

    with open(path, "rb") as file:
        shape = tables.look(file)
        for number, cells in tables.rows(file, shape): ...

Nothing is believed of a file but its bytes: neither its name nor the type that a browser
says. A text is read as a stream; of a workbook only its shared texts are held in memory.
"""

from .shapes import (
    ENCODINGS,
    SEPARATORS,
    Kind,
    Limits,
    Shape,
    TableError,
    look,
    rows,
)

__all__ = [
    "ENCODINGS",
    "SEPARATORS",
    "Kind",
    "Limits",
    "Shape",
    "TableError",
    "look",
    "rows",
]
