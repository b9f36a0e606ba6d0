"""The report's last word: what each step costs a packet. pytest-benchmark's table is per round."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session = config._benchmarksession  # type: ignore[attr-defined]  # noqa: SLF001 the plugin has no other door
    rows = [
        (bench.name.removeprefix("test_"), bench.extra_info["ns_per_packet"], bench.extra_info["backend"])
        for bench in session.benchmarks
        if "ns_per_packet" in bench.extra_info
    ]
    if not rows:
        return
    terminalreporter.section(f"ns a packet, median round; {rows[0][2]}")
    width = max(len(name) for name, _, _ in rows)
    for name, ns, _ in sorted(rows):
        terminalreporter.write_line(f"{name:<{width}} {ns:>8.1f}")
