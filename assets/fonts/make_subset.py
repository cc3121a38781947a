"""Cuts Liberation Sans down to the characters figures need and renames it, as its licence asks of a changed font.

Needs fonttools and a folder with LiberationSans-{Regular,Bold}.ttf, version 2 (Debian: fonts-liberation2):

    python make_subset.py /usr/share/fonts/truetype/liberation2
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

NAME = "Memoscope Figure Sans"
UNICODES = [
    *range(0x20, 0x7F),  # Latin
    *range(0xA0, 0x180),  # Latin-1 supplement, Latin extended A
    *range(0x391, 0x3CA),  # Greek
    *range(0x2010, 0x2027),  # dashes, quotation marks, ellipsis
    0x2030, 0x2032, 0x20AC, 0x2190, 0x2191, 0x2192, 0x2193, 0x2202, 0x2206, 0x2211, 0x2212, 0x221A, 0x221E, 0x222B,
    0x2248, 0x2260, 0x2264, 0x2265,
]


def main(folder: Path) -> None:
    here = Path(__file__).parent
    for style in ("Regular", "Bold"):
        font = TTFont(folder / f"LiberationSans-{style}.ttf")
        options = subset.Options(hinting=False, layout_features=["kern"], legacy_kern=True, notdef_outline=True)
        options.name_IDs = [0, 1, 2, 3, 4, 6, 13, 14]
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=UNICODES)
        subsetter.subset(font)
        renamed = {1: NAME, 2: style, 3: f"{NAME} {style}", 4: f"{NAME} {style}", 6: f"MemoscopeFigureSans-{style}"}
        for record in font["name"].names:
            if record.nameID in renamed:
                record.string = renamed[record.nameID]
        font["head"].modified = font["head"].created
        font.recalcTimestamp = False
        font.save(here / f"memoscope-figure-sans-{style.lower()}.ttf")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
