"""Results: what an exception in a check becomes, and what the report says."""

import unittest
from collections.abc import Iterator

from outcome import Broken, Result, Verdict, guarded, judged
from report import cell, markdown, summary


def raising(error: Exception) -> Iterator[Result]:
    """A check that has one result, and then cannot go on."""
    yield Result("part", "first", Verdict.PASSED)
    raise error


class Guards(unittest.TestCase):
    def verdicts(self, error: Exception, *verdict: Verdict) -> list[Verdict]:
        return [result.verdict for result in guarded("part", "name", lambda: raising(error), *verdict)]

    def test_an_exception_is_a_failure_unless_said_otherwise(self) -> None:
        self.assertEqual(self.verdicts(OSError("x")), [Verdict.PASSED, Verdict.FAILED])
        self.assertEqual(self.verdicts(OSError("x"), Verdict.UNKNOWN), [Verdict.PASSED, Verdict.UNKNOWN])

    def test_what_breaks_the_contract_has_failed_whatever_was_said(self) -> None:
        self.assertEqual(self.verdicts(Broken("x"), Verdict.UNKNOWN), [Verdict.PASSED, Verdict.FAILED])

    def test_ctrl_c_is_no_result(self) -> None:
        def interrupted() -> Iterator[Result]:
            raise KeyboardInterrupt
            yield

        with self.assertRaises(KeyboardInterrupt):
            list(guarded("part", "name", interrupted))

    def test_a_problem_is_a_failure(self) -> None:
        self.assertEqual(judged("p", "n", [], "d"), Result("p", "n", Verdict.PASSED, "d"))
        self.assertEqual(judged("p", "n", iter(["a", "b"]), "d"), Result("p", "n", Verdict.FAILED, "a; b"))


class Reports(unittest.TestCase):
    RESULTS = (
        Result("contract", "a|b", Verdict.FAILED, "<script>\n"),
        Result("contract", "c", Verdict.OBSERVED, "400"),
        Result("load", "d", Verdict.PASSED),
    )

    def test_every_result_and_what_is_left(self) -> None:
        text = markdown("Title", [("stack", "name")], self.RESULTS, ["table x"])
        for line in [
            "# Title",
            "* stack: name",
            "Checks: 1 passed, 1 failed, 1 observed, 0 unknown.",
            "## What failed",
            "| a\\|b | failed | &lt;script>\\x0a |",
            "| c | observed | 400 |",
            "| d | passed |  |",
            "* table x",
            "## Not tried",
        ]:
            self.assertIn(line, text.splitlines())
        self.assertIn("Nothing.", markdown("Title", [], self.RESULTS, []))
        self.assertNotIn("left over", markdown("Title", [], self.RESULTS, None))

    def test_a_cell_breaks_no_table(self) -> None:
        self.assertEqual(cell("a\nb\u2028c`d"), "a\\x0ab\\x2028c'd")

    def test_a_summary(self) -> None:
        self.assertEqual(summary([]), "0 passed, 0 failed, 0 observed, 0 unknown")


if __name__ == "__main__":
    unittest.main()
