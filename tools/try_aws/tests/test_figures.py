"""Percentiles, Lambda's reports, and the estimate."""

import json
import math
import unittest

from figures import Invocations, Plan, batches, parse_report, percentile

JSON_REPORT = {
    "time": "2026-01-31T12:00:00.000Z",
    "type": "platform.report",
    "record": {
        "requestId": "8f507cfc",
        "metrics": {
            "durationMs": 12.5,
            "billedDurationMs": 113,
            "memorySizeMB": 256,
            "maxMemoryUsedMB": 31,
            "initDurationMs": 99.5,
        },
        "status": "success",
    },
}
TEXT_REPORT = (
    "REPORT RequestId: 8f507cfc\tDuration: 21000.00 ms\tBilled Duration: 21000 ms\tMemory Size: 256 MB\t"
    "Max Memory Used: 40 MB\tStatus: timeout\n"
)


class Percentiles(unittest.TestCase):
    def test_nearest_rank(self) -> None:
        values = [15, 20, 35, 40, 50]
        found = [percentile(values, percent) for percent in [0, 5, 30, 40, 50, 99, 100]]
        self.assertEqual(found, [15, 15, 20, 20, 35, 50, 50])

    def test_order_does_not_matter_and_one_value_is_all_of_them(self) -> None:
        self.assertEqual(percentile([3, 1, 2], 50), 2)
        self.assertEqual([percentile([7], percent) for percent in [1, 50, 100]], [7, 7, 7])

    def test_of_a_hundred_the_99th_is_the_last_but_one(self) -> None:
        self.assertEqual(percentile(range(1, 101), 99), 99)

    def test_of_none_there_is_none(self) -> None:
        self.assertTrue(math.isnan(percentile([], 50)))


class Reports(unittest.TestCase):
    def test_json(self) -> None:
        found = parse_report(json.dumps(JSON_REPORT))
        assert found
        self.assertEqual((found.request_id, found.status, found.duration_ms), ("8f507cfc", "success", 12.5))
        self.assertEqual((found.memory_mb, found.max_memory_mb, found.init_ms), (256, 31, 99.5))

    def test_a_warm_one_has_no_initialisation(self) -> None:
        metrics = {k: v for k, v in JSON_REPORT["record"]["metrics"].items() if k != "initDurationMs"}
        warm = JSON_REPORT | {"record": JSON_REPORT["record"] | {"metrics": metrics}}
        found = parse_report(json.dumps(warm))
        assert found
        self.assertIsNone(found.init_ms)

    def test_text(self) -> None:
        found = parse_report(TEXT_REPORT)
        assert found
        self.assertEqual((found.status, found.billed_ms, found.max_memory_mb), ("timeout", 21000, 40))
        self.assertIsNone(found.init_ms)
        cold = parse_report(TEXT_REPORT.replace("40 MB\t", "40 MB\tInit Duration: 88.25 ms\t"))
        assert cold
        self.assertEqual(cold.init_ms, 88.25)

    def test_other_lines_are_none(self) -> None:
        start = {"type": "platform.start", "record": {"requestId": "a"}}
        for line in ["", "REPORT", "[]", "3", "{", json.dumps(start), '{"message":"request answered"}']:
            self.assertIsNone(parse_report(line), line)

    def test_together(self) -> None:
        cold, late = parse_report(json.dumps(JSON_REPORT)), parse_report(TEXT_REPORT)
        assert cold
        assert late
        found = Invocations.of([cold, late])
        self.assertEqual((found.count, found.failed, found.cold), (2, 1, 1))
        self.assertEqual((found.init_p50, found.init_max, found.max_memory_mb), (99.5, 99.5, 40))
        self.assertEqual((found.p50, found.p99), (12.5, 21000))

    def test_of_none(self) -> None:
        found = Invocations.of([])
        self.assertEqual((found.count, found.cold, found.memory_mb), (0, 0, 0))

    def test_batches(self) -> None:
        line = {"message": "batch recorded", "messages": 3, "postponed": 1}
        lines = [json.dumps(line), "no JSON", "3", json.dumps({"message": "request answered"})]
        self.assertEqual(batches(lines), [line])


class Estimate(unittest.TestCase):
    def test_it_grows_with_everything_that_costs(self) -> None:
        least = Plan(reads=0, large_reads=0, messages=0, large_messages=0).dollars()
        self.assertGreater(least, 0)
        for more in [
            Plan(reads=1000, large_reads=0, messages=0, large_messages=0),
            Plan(reads=0, large_reads=1, messages=0, large_messages=0),
            Plan(reads=0, large_reads=0, messages=1000, large_messages=0),
            Plan(reads=0, large_reads=0, messages=0, large_messages=1000),
        ]:
            self.assertGreater(more.dollars(), least, more)

    def test_a_million_of_each(self) -> None:
        base = Plan(0, 0, 0, 0).dollars()
        self.assertAlmostEqual(Plan(1_000_000, 0, 0, 0).dollars() - base, 7.0)
        self.assertAlmostEqual(Plan(0, 0, 1_000_000, 0).dollars() - base, 13.0)

    def test_a_fourth_dashboard_is_paid_for(self) -> None:
        self.assertEqual(Plan(0, 0, 0, 0, dashboards=2).dollars(), Plan(0, 0, 0, 0).dollars())
        self.assertAlmostEqual(Plan(0, 0, 0, 0, dashboards=3).dollars() - Plan(0, 0, 0, 0).dollars(), 3.0)


if __name__ == "__main__":
    unittest.main()
