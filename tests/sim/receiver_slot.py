"""One slot as the strict receiver sees it: every rule about a stream of packets. It imports nothing of the server."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.sim.receiver_ledger import Ledger, Published, Stream
from tests.sim.receiver_rules import SECOND, Fault, Limits, Rule, SlotDescription
from tests.sim.receiver_wire import Rtp, SenderReport, difference, extend

KEPT_NUMBERS = 512  # below what was judged: for answers that come late


class _Record:
    """What left under one number. `what` None: padding only."""

    __slots__ = ("answer", "answered_us", "at_us", "marker", "number", "timestamp", "what")

    def __init__(self, at_us: int, number: int, what: Published | None, packet: Rtp) -> None:
        self.at_us = at_us
        self.number = number
        self.what = what
        self.timestamp = packet.timestamp
        self.marker = packet.marker
        self.answered_us = -SECOND
        self.answer = False  # it came as one, never as media


@dataclass(frozen=True)
class _Slew:
    """A source that entered shifted forward, since the slot's time never goes back; the shift fades."""

    from_us: int  # capture times
    until_us: float
    shift_us: float


def _continues(before: _Record | None, after: _Record) -> bool:
    """Whether one is to the other in numbers as their originals are: no splice between them."""
    if before is None or before.what is None or after.what is None:
        return False
    apart = after.number - before.number
    return after.what.stream is before.what.stream and after.what.number - before.what.number == apart


class SlotModel:
    """One slot of a receiver. Counts what was judged: `frames` are those that a decoder could show, `shows` their last stream."""

    def __init__(
        self, description: SlotDescription, ledger: Ledger, limits: Limits, report: Callable[[Fault], None]
    ) -> None:
        self.description = description
        self.frames = 0
        self.splices = 0
        self.answers = 0
        self.reports = 0
        self.lines = 0  # of the reports, those that were held to the line
        self.shows: Stream | None = None
        self.shown_us = 0  # when the last of its frames left
        self._ledger = ledger
        self._limits = limits
        self._report = report
        self._records: dict[int, _Record] = {}
        self._number_of: dict[Published, int] = {}
        self._highest: int | None = None
        self._newest: _Record | None = None  # of the content, by number
        self._next = 0  # the number to be judged next
        self._holes: list[int] = []
        self._last: _Record | None = None  # content judged last
        self._decoded: Published | None = None
        self._frame_next = -1  # the number that continues the frame being put together, -1: none is
        self._rtx_highest: int | None = None
        self._asked: dict[int, int] = {}
        self._due: deque[tuple[int, int]] = deque()  # (until when, number)
        self._packets = 0
        self._octets = 0
        self._reports: deque[tuple[int, SenderReport, _Record | None]] = deque()  # not yet judged
        self._line: SenderReport | None = None
        self._early: list[Callable[[], None]] = []  # what waits for the line
        self._entered_us = 0  # when the last entry left
        self._slews: deque[_Slew] = deque(maxlen=8)

    def _fault(self, at_us: int, rule: Rule, text: str) -> None:
        self._report(Fault(at_us, self.description.ssrc, rule, text))

    # ---- as it leaves ----

    def on_media(self, at_us: int, packet: Rtp) -> None:
        if packet.payload_type != self.description.payload_type:
            self._fault(at_us, Rule.PAYLOAD_TYPE, f"{packet.payload_type} for media")
        self._packets += 1
        self._octets += len(packet.payload)
        if self._highest is None:
            self._highest = self._next = packet.sequence
        number = extend(self._highest, packet.sequence)
        if number in self._records:
            self._fault(at_us, Rule.NUMBER_TWICE, f"{number}")
            return
        if number < self._next and self._last is None:
            self._next = number  # the server itself let the first packets overtake one another
        if number < self._next:
            self._fault(at_us, Rule.GAP, f"{number} comes when nobody waits for it any longer")
            return
        record = self._keep(at_us, number, packet, packet.payload)
        if record is not None and record.what and (self._newest is None or number > self._newest.number):
            self._newest = record
        self._highest = max(self._highest, number)

    def _keep(self, at_us: int, number: int, packet: Rtp, payload: bytes) -> _Record | None:
        what = self._ledger.find(payload) if payload else None
        if payload and (what is None or what.stream.video != self.description.video):
            self._fault(at_us, Rule.CONTENT, f"{number}: {len(payload)} bytes that nobody published")
            return None
        if not payload and not packet.padding:
            self._fault(at_us, Rule.PADDING, f"{number}: neither content nor padding")
        record = self._records[number] = _Record(at_us, number, what, packet)
        if what:
            first = self._number_of.setdefault(what, number)
            if first != number:
                self._fault(at_us, Rule.CONTENT_TWICE, f"{what} as {first} and as {number}")
        return record

    def on_rtx(self, at_us: int, packet: Rtp) -> None:
        """RFC 4588 section 4. Padding without an original is a probe."""
        if packet.payload_type != self.description.rtx_payload_type:
            self._fault(at_us, Rule.PAYLOAD_TYPE, f"{packet.payload_type} for RTX")
        if self._rtx_highest is not None and packet.sequence != (self._rtx_highest + 1) & 0xFFFF:
            self._fault(at_us, Rule.RETRANSMISSION, f"RTX number {packet.sequence} after {self._rtx_highest}")
        self._rtx_highest = packet.sequence
        if not packet.payload and packet.padding:
            return
        if len(packet.payload) <= 2 or self._highest is None:
            self._fault(at_us, Rule.RETRANSMISSION, "repeats nothing")
            return
        number = extend(self._highest, struct.unpack_from("!H", packet.payload)[0])
        self._check_answer(at_us, number, packet, packet.payload[2:])

    def _check_answer(self, at_us: int, number: int, packet: Rtp, payload: bytes) -> None:
        if not self._asked.get(number):
            self._fault(at_us, Rule.RETRANSMISSION, f"{number} was not asked for")
        else:
            self._asked[number] -= 1
        self.answers += 1
        record = self._records.get(number)
        empty = record is None or record.what is None  # it reached the server late, or was flushed
        if empty and self._highest is not None and self._next <= number <= self._highest:
            record = self._keep(at_us, number, packet, payload)
            if record is None:
                return
            record.answer = True
        if record is None:
            self._fault(at_us, Rule.RETRANSMISSION, f"{number} was never sent, or long ago")
            return
        record.answered_us = at_us
        if record.what is None or record.what.payload != payload:
            other = self._ledger.find(payload)
            self._fault(
                at_us,
                Rule.RETRANSMISSION,
                f"{number} was {record.what or 'padding'}, is {other or 'unknown bytes'}",
            )
        elif (record.timestamp, record.marker) != (packet.timestamp, packet.marker):
            self._fault(at_us, Rule.RETRANSMISSION, f"{number} with another time stamp or marker")

    def on_nack(self, at_us: int, numbers: list[int]) -> None:
        """The receiver asks for numbers, and the server has just heard it."""
        if self._highest is None:
            return
        for wire in numbers:
            number = extend(self._highest, wire)
            self._asked[number] = self._asked.get(number, 0) + 1
            record = self._records.get(number)
            if record is None or record.what is None or not self.description.rtx_ssrc:
                continue
            lately = at_us - record.at_us <= self._limits.nack_window_us
            if lately and at_us - record.answered_us >= self._limits.nack_repeat_us:
                self._due.append((at_us + self._limits.answer_us, number))

    def on_sender_report(self, at_us: int, report: SenderReport) -> None:
        self.reports += 1
        if (report.packets, report.octets) != (self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF):
            counts = f"{report.packets} packets, {report.octets} octets for {self._packets}, {self._octets}"
            self._fault(at_us, Rule.REPORT, f"counts {counts}")
        if abs(report.ntp_us - at_us) > self._limits.clock_us:
            self._fault(
                at_us, Rule.REPORT, f"says {report.ntp_us / SECOND:.6f} s, sent at {at_us / SECOND:.6f} s"
            )
        self._reports.append((at_us, report, self._newest))

    def _time_of(self, timestamp: int) -> float:
        """Where the slot's line has a time stamp, in µs of the server's clock."""
        assert self._line is not None
        ticks = difference(timestamp, self._line.timestamp)
        return self._line.ntp_us + ticks * SECOND / self.description.clock_rate

    # ---- in the order of its numbers ----

    def settle(self, now_us: int, before_us: int) -> None:
        """Judges what left earlier than `before_us`, and the answers that are overdue."""
        while self._due and self._due[0][0] < now_us:
            until_us, number = self._due.popleft()
            record = self._records.get(number)
            if record is not None and record.answered_us < until_us - self._limits.answer_us:
                sent = f"sent as {record.what} at {record.at_us / SECOND:.6f} s"
                self._fault(until_us - self._limits.answer_us, Rule.UNANSWERED, f"NACK for {number}, {sent}")
        while self._highest is not None and self._next <= self._highest:
            present = self._next
            while present not in self._records and present < self._highest:
                present += 1
            record = self._records.get(present)
            if record is None or record.at_us >= before_us:
                break
            self._judge_reports(record.at_us)
            self._holes += range(self._next, present)
            self._next = present + 1
            self._judge(record)
            self._forget(present - KEPT_NUMBERS)
        self._judge_reports(before_us)

    def _forget(self, number: int) -> None:
        old = self._records.pop(number, None)
        self._asked.pop(number, None)
        if old and old.what:
            self._number_of.pop(old.what, None)

    def _judge(self, record: _Record) -> None:
        what, last = record.what, self._last
        if what is None:
            if record.marker:
                self._fault(record.at_us, Rule.PADDING, f"{record.number} has a marker")
            if last and difference(record.timestamp, last.timestamp) < 0:
                self._fault(record.at_us, Rule.TIMESTAMP, f"goes back in padding, {record.number}")
            return
        follows = _continues(last, record)
        if last is not None:
            self._judge_holes(last, record, follows)
        if not follows:
            self._judge_entry(record, what)
        if last is not None and last.what is not None:
            self._judge_timestamp(record, what, last, last.what, follows)
        if what.stream.video and record.marker != what.marker:
            self._fault(record.at_us, Rule.MARKER, f"{record.number}, {what}: {record.marker}")
        if not what.stream.video and not record.marker and (what.marker or not follows):
            self._fault(record.at_us, Rule.MARKER, f"{record.number}, {what}: lost, after silence")
        may_enter = not follows or what.key
        before = last
        self._on_line(lambda: self._judge_capture(record, what, before if may_enter else None))
        self._assemble(record, what, follows)
        self._last = record

    def _judge_holes(self, last: _Record, record: _Record, follows: bool) -> None:
        for hole in self._holes:
            if not follows:
                text = f"{hole} is missing between {last.what} and the entry of {record.what}"
                self._fault(record.at_us, Rule.GAP, text)
            elif late := self._forwardable(hole, last):
                text = f"{hole} is missing, and {late} reached the server at {late.arrived_us / SECOND:.6f} s"
                self._fault(record.at_us, Rule.GAP, text)
        self._holes.clear()

    def _forwardable(self, hole: int, last: _Record) -> Published | None:
        """The packet that belongs in a hole, where it reached the server before others that the same run still brought."""
        assert last.what is not None
        assert self._highest is not None
        missing = self._ledger.at(last.what.stream, last.what.number + hole - last.number)
        if missing is None:
            return None
        above = None  # the first above it
        for number in range(hole + 1, self._highest + 1):
            later = self._records.get(number)
            if later is None or later.what is None:
                continue
            if not _continues(last, later):
                return None
            above = above or later.what
            if missing.arrived_us > above.arrived_us + self._limits.history_us:
                return None
            if later.what.order > missing.order and later.what.key:
                return None  # the slot may have left the stream meanwhile, and this be its entry
            if later.what.order > missing.order and not later.answer:
                return missing
        return None

    def _judge_entry(self, record: _Record, what: Published) -> None:
        self.splices += 1
        self._entered_us = record.at_us
        if not what.stream.video or (what.starts and what.key):
            return
        before = self._last.what if self._last else "nothing"
        if not what.starts:
            self._fault(record.at_us, Rule.MIXED_FRAME, f"{what}, inside a frame, after {before}")
        else:
            self._fault(record.at_us, Rule.ENTRY, f"{what}, a delta frame, after {before}")

    def _judge_timestamp(
        self,
        record: _Record,
        what: Published,
        last: _Record,
        before: Published,
        follows: bool,
    ) -> None:
        step = difference(record.timestamp, last.timestamp)
        original = difference(what.timestamp, before.timestamp)
        if what.stream is before.stream and original == 0:
            if step:
                self._fault(record.at_us, Rule.TIMESTAMP, f"{what} is {step} off its own frame")
            return
        if step <= 0:
            self._fault(record.at_us, Rule.TIMESTAMP, f"{what} is {step} ticks after {before}")
        elif follows and not what.key and abs(step - original) > original * self._limits.pace + 2:
            self._fault(
                record.at_us, Rule.TIMESTAMP, f"{what} is {step} ticks after {before}, not {original}"
            )

    # ---- on the slot's line of time ----

    def _on_line(self, judge: Callable[[], None]) -> None:
        """Now, or once the line is known."""
        if self._line is None:
            self._early.append(judge)
        else:
            judge()

    def _judge_reports(self, before_us: int) -> None:
        while self._reports and self._reports[0][0] < before_us:
            at_us, report, newest = self._reports.popleft()
            # An SR soon after an entry may be part of a shift that fades: it is none to measure others by.
            quiet = (
                self.splices <= 1 or at_us - self._entered_us > self._limits.slew_us + self._limits.clamp_us
            )
            if self._line is None and quiet:
                self._line = report
                for judge in self._early:
                    judge()
                self._early.clear()
            self._on_line(partial(self._judge_report, at_us, report, newest))

    def _shift_at(self, captured_us: float) -> float:
        """How far a shift that fades may still put what was captured then, µs."""
        return max((s.shift_us for s in self._slews if s.from_us <= captured_us < s.until_us), default=0)

    def _judge_report(self, at_us: int, report: SenderReport, newest: _Record | None) -> None:
        """An SR lies on the slot's line; and laid at the newest frame sent it gives the time at which that was captured, up to the
        way to the server.
        """
        self.lines += 1
        off_us = self._time_of(report.timestamp) - report.ntp_us
        if not -self._limits.report_us <= off_us <= self._limits.report_us + self._shift_at(report.ntp_us):
            self._fault(at_us, Rule.DRIFT, f"an SR is {off_us:.0f} µs off the line of the slot's first")
        if newest is None or newest.what is None:
            return
        what = newest.what
        since_us = difference(report.timestamp, newest.timestamp) * SECOND / self.description.clock_rate
        delay_us = report.ntp_us - since_us - what.captured_us
        least, most = what.stream.delay_us
        shift_us = self._shift_at(what.captured_us)
        if not least - self._limits.report_us <= delay_us <= most + self._limits.report_us + shift_us:
            text = f"an SR puts the capture of {what} {delay_us:.0f} µs late, not {least} to {most}"
            self._fault(at_us, Rule.REPORT, text)

    def _judge_capture(self, record: _Record, what: Published, entered_after: _Record | None) -> None:
        """A frame stands on the line where it was captured. What would enter before that which it follows enters right after it
        instead, and is put right within a second.
        """
        delay_us = self._time_of(record.timestamp) - what.captured_us
        least, most = what.stream.delay_us
        if entered_after is not None:
            step_us = (
                difference(record.timestamp, entered_after.timestamp) * SECOND / self.description.clock_rate
            )
            shift_us = delay_us - least
            if step_us <= self._limits.clamp_us and shift_us > 0:
                until_us = what.captured_us + max(self._limits.slew_us, 2 * shift_us) + most
                self._slews.append(_Slew(what.captured_us, until_us, shift_us))
        latest = most + self._shift_at(what.captured_us)
        if not least - self._limits.capture_us <= delay_us <= latest + self._limits.capture_us:
            text = f"{what} stands {delay_us:.0f} µs after its capture, not {least} to {latest:.0f}"
            self._fault(record.at_us, Rule.CAPTURE, text)

    def _assemble(self, record: _Record, what: Published, follows: bool) -> None:
        """Frames that a decoder could show: whole, and either key frames or right after one that it showed."""
        if what.starts:
            before = self._decoded
            chained = before and before.stream is what.stream and before.number + 1 == what.number
            whole = not what.stream.video or what.key or chained
        else:
            whole = follows and record.number == self._frame_next
        self._frame_next = record.number + 1 if whole else -1
        if whole and (what.marker or not what.stream.video):
            self.frames += 1
            self._decoded = what
            self.shows = what.stream
            self.shown_us = record.at_us
