"""Does the comparison of pictures see what it should, and nothing else?"""
import base64
import struct
import unittest
import zlib

import pictures

PICTURE = ('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><text x="3" y="4" fill="#333">loss</text>'
           '<path d="M0 10L40 10L80 40" stroke="#00f"/><path d="M5 5a2 2 0 1 1 4 0z" fill="#f00"/></svg>')


def image(pixels, palette=None, width=2):
    """An SVG picture that holds one image."""
    data = b"\x89PNG\r\n\x1a\n"
    lines = b"".join(b"\0" + bytes(pixels[i:i + width]) for i in range(0, len(pixels), width))
    header = struct.pack(">IIBBBBB", width, len(pixels) // width, 8, 3 if palette else 0, 0, 0, 0)
    for kind, content in ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b"")):
        if content is not None:
            data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return f'<svg><image width="8" href="data:image/png;base64,{base64.b64encode(data).decode()}"/></svg>'


class Difference(unittest.TestCase):
    def of(self, *changes):
        text = PICTURE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return pictures.difference(PICTURE, text)

    def test_none_where_only_roundings_differ(self):
        self.assertIsNone(self.of())
        self.assertIsNone(self.of(("M0 10L40 10L80 40", "M0 10.5L20 11L40 10L60 26L80 39")))
        self.assertIsNone(self.of(('x="3"', 'x="4.5"')))

    def test_sees_what_differs(self):
        for change, told in ((("loss", "cost"), "'loss' became 'cost'"), (("L80 40", "L80 60"), "moved at"),
                             (("L80 40", ""), "moved at"), (("#333", "#444"), "fill of <text>"),
                             (('x="3"', 'x="13"'), "x of <text> 3 became 13"), (("M5 5a", "M15 5a"), "moved at"),
                             (("</svg>", "<rect/></svg>"), "4 elements became 5")):
            self.assertIn(told, self.of(change))

    def test_images_may_differ_by_what_is_rounded(self):
        self.assertIsNone(pictures.difference(image([0, 100, 200, 255]), image([5, 104, 196, 250])))
        self.assertIsNone(pictures.difference(image([0, 1], bytes((0, 0, 0, 9, 9, 200))),
                                              image([1, 0], bytes((9, 12, 199, 0, 0, 0)))))
        for other in (image([0, 100, 200, 200]), image([0, 100]), image([0, 100, 200, 255], width=4)):
            self.assertIn("other colours", pictures.difference(image([0, 100, 200, 255]), other))


if __name__ == "__main__":
    unittest.main()
