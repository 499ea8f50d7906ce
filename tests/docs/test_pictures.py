"""Does the comparison of pictures see what it should, and nothing else?"""
import unittest

import pictures

PICTURE = ('<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><text x="3" y="4" fill="#333">loss</text>'
           '<path d="M0 10L40 10L80 40" stroke="#00f"/><path d="M5 5a2 2 0 1 1 4 0z" fill="#f00"/></svg>')


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


if __name__ == "__main__":
    unittest.main()
