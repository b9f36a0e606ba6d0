"""Tests of native/core/srtp.c, srtcp.c and srtp_context.c: alone, and against libsrtp (pylibsrtp)."""

import errno
import random
import struct
from collections.abc import Iterator

import pylibsrtp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu._testing import srtp

CM, GCM_128, GCM_256 = 0x0001, 0x0007, 0x0008
PROFILES = pytest.mark.parametrize("profile", [CM, GCM_128, GCM_256], ids=["cm", "gcm128", "gcm256"])
PLACES = pytest.mark.parametrize("in_place", [False, True], ids=["out-of-place", "in-place"])
STARTS = [0, 1, 127, 128, 255, 256, 32767, 32768, 65534, 65535]
LIBSRTP = {
    CM: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    GCM_128: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    GCM_256: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
SSRC = 0xC0FFEE01
WINDOW = srtp.REPLAY_WINDOW


def keys(profile: int) -> tuple[bytes, bytes]:
    return bytes(range(7, 7 + srtp.key_length(profile))), bytes(range(90, 90 + srtp.salt_length(profile)))


def sender(profile: int) -> srtp.Sender:
    return srtp.Sender(profile, *keys(profile))


def receiver(profile: int) -> srtp.Receiver:
    return srtp.Receiver(profile, *keys(profile))


def libsrtp(profile: int, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(b"".join(keys(profile)), direction, 0, LIBSRTP[profile])
    policy.window_size = WINDOW
    return pylibsrtp.Session(policy)


def libsrtp_sender(profile: int) -> pylibsrtp.Session:
    return libsrtp(profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)


def libsrtp_receiver(profile: int) -> pylibsrtp.Session:
    return libsrtp(profile, pylibsrtp.Policy.SSRC_ANY_INBOUND)


def header(
    index: int, ssrc: int = SSRC, *, csrcs: int = 0, extension: bytes | None = None, padding: bool = False
) -> bytes:
    first = 0x80 | padding << 5 | (extension is not None) << 4 | csrcs
    fixed = struct.pack("!BBHII", first, 0x80 | 96, index & 0xFFFF, index * 960 & 0xFFFFFFFF, ssrc)
    contributors = b"".join(struct.pack("!I", 0xAA000000 + n) for n in range(csrcs))
    extended = b"" if extension is None else struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    return fixed + contributors + extended


def payload(index: int, length: int = 50) -> bytes:
    return bytes((index + 11 * i) % 256 for i in range(length))


def plain(index: int, ssrc: int = SSRC) -> bytes:
    return header(index, ssrc) + payload(index)


def protect(tx: srtp.Sender, indices: list[int], ssrc: int = SSRC) -> list[bytes]:
    """The protected packets of the indices; all of them must be new to the sender."""
    result = tx.protect([(index, header(index, ssrc), payload(index)) for index in indices])
    assert [status for status, _ in result] == [0] * len(indices)
    return [packet for _, packet in result]


def accepts(rx: srtp.Receiver, packet: bytes, index: int, ssrc: int = SSRC) -> bool:
    (opened,) = rx.unprotect([packet])
    if opened.status == 0:
        assert (opened.index, opened.packet) == (index, plain(index, ssrc))
    return opened.status == 0


def forge(packet: bytes) -> bytes:
    return packet[:-1] + bytes([packet[-1] ^ 1])


def shapes() -> Iterator[tuple[bytes, bytes]]:
    """Headers and payloads of all sorts, from index 65500 on."""
    index = 65500
    for csrcs in [0, 1, 2, 15]:
        for extension in [None, b"", bytes(4), bytes(range(40)), bytes(range(200))]:
            for length in [0, 1, 15, 16, 17, 60, 200, 900]:
                yield header(index, csrcs=csrcs, extension=extension), payload(index, length)
                index += 1


# Properties of profiles


def test_lengths() -> None:
    assert [(srtp.key_length(p), srtp.salt_length(p)) for p in (CM, GCM_128, GCM_256)] == [
        (16, 14),
        (16, 12),
        (32, 12),
    ]
    for unknown in [0, 2, 3, 5, 6, 9, 0xFFFF]:
        assert srtp.key_length(unknown) == srtp.salt_length(unknown) == 0
        with pytest.raises(ValueError, match="srtp_sender_create"):
            srtp.Sender(unknown, b"", b"")
        with pytest.raises(ValueError, match="srtp_receiver_create"):
            srtp.Receiver(unknown, b"", b"")


@PROFILES
def test_overhead(profile: int) -> None:
    tx = sender(profile)
    assert tx.overhead == (10 if profile == CM else 16)
    assert len(protect(tx, [0])[0]) == len(plain(0)) + tx.overhead


# RTP, against libsrtp


@PROFILES
@PLACES
def test_rtp_of_all_shapes_with_libsrtp(profile: int, in_place: bool) -> None:
    tx, rx = sender(profile), receiver(profile)
    lib_tx, lib_rx = libsrtp_sender(profile), libsrtp_receiver(profile)
    for index, (head, body) in enumerate(shapes(), 65500):
        ((status, packet),) = tx.protect([(index, head, body)], in_place=in_place)
        assert status == 0
        assert packet == lib_tx.protect(head + body)
        assert lib_rx.unprotect(packet) == head + body
        (opened,) = rx.unprotect([packet], in_place=in_place)
        assert (opened.status, opened.index, opened.packet) == (0, index, head + body)
        assert opened.header["payload_offset"] == len(head)
        assert opened.header["payload_length"] == len(body)
        assert opened.header["sequence"] == index & 0xFFFF
        assert opened.header["ssrc"] == SSRC


@PROFILES
@pytest.mark.parametrize("start", STARTS)
def test_rtp_across_wraps_with_libsrtp(profile: int, start: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    lib_tx, lib_rx = libsrtp_sender(profile), libsrtp_receiver(profile)
    near = [*range(start, start + 40)]
    wraps = [turn * 65536 + offset for turn in range(1, 5) for offset in (-30000, -6, -1, 0, 1, 5, 20000)]
    for index in near + [index for index in wraps if index > near[-1]]:
        (packet,) = protect(tx, [index])
        assert packet == lib_tx.protect(plain(index))
        assert lib_rx.unprotect(packet) == plain(index)
        assert accepts(rx, packet, index)


@PROFILES
@pytest.mark.parametrize("start", STARTS)
def test_reordering_with_libsrtp(profile: int, start: int) -> None:
    """Blocks of packets around each wrap arrive shuffled; the first to arrive is the first sent."""
    rng = random.Random(start)
    tx, rx, lib_rx = sender(profile), receiver(profile), libsrtp_receiver(profile)
    indices = [
        *range(start, start + 100),
        *range(65536 - 300, 65536 + 300),
        *range(2 * 65536 - 300, 2 * 65536 + 300),
    ]
    indices = sorted({index for index in indices if index >= start})
    while gaps := [n for n in range(1, len(indices)) if indices[n] - indices[n - 1] > 30000]:
        indices[gaps[0] : gaps[0]] = [indices[gaps[0] - 1] + 30000]
    packets = dict(zip(indices, protect(tx, indices), strict=True))
    order = indices[:1]
    for at in range(1, len(indices), 90):
        block = indices[at : at + 90]
        if block[-1] - block[0] < 200:
            rng.shuffle(block)
        order += block
    for index in order:
        assert lib_rx.unprotect(packets[index]) == plain(index)
        assert accepts(rx, packets[index], index)
    for index in order:
        assert not accepts(rx, packets[index], index)


def test_every_sequence_number_in_shuffled_batches() -> None:
    """More than a turn of them, 256 packets a time; the first batch alone is in order."""
    rng = random.Random(7)
    tx, rx = sender(GCM_128), receiver(GCM_128)
    for start in range(65000, 65000 + 66560, 256):
        indices = list(range(start, start + 256))
        pairs = list(zip(indices, protect(tx, indices), strict=True))
        if start != 65000:
            rng.shuffle(pairs)
        for (index, _), opened in zip(pairs, rx.unprotect([packet for _, packet in pairs]), strict=True):
            assert (opened.status, opened.index, opened.packet) == (0, index, plain(index))


# RTP, alone


@PROFILES
def test_first_packet_sets_the_index(profile: int) -> None:
    for first in STARTS:
        rx = receiver(profile)
        (packet,) = protect(sender(profile), [first])
        assert accepts(rx, packet, first)
        # A first packet of a later turn cannot be told apart and must not authenticate.
        (late,) = protect(sender(profile), [first + 65536])
        assert not accepts(receiver(profile), late, first + 65536)


@PROFILES
def test_late_packet_before_the_first_around_zero(profile: int) -> None:
    """Of highest index 3, sequence 65535 would be index -1: it is tried as 65535 of turn 0, as libsrtp does."""
    tx, other = sender(profile), sender(profile)
    rx, lib_rx = receiver(profile), libsrtp_receiver(profile)
    first, far, following = protect(tx, [3, 65535, 65536])
    (turned,) = protect(other, [65536 + 65535])
    assert lib_rx.unprotect(first) == plain(3)
    assert accepts(rx, first, 3)
    assert not accepts(rx, turned, 65536 + 65535)  # another turn: does not authenticate
    assert lib_rx.unprotect(far) == plain(65535)
    assert accepts(rx, far, 65535)
    assert lib_rx.unprotect(following) == plain(65536)
    assert accepts(rx, following, 65536)


@PROFILES
def test_duplicates_forgeries_and_a_wrap_in_one_batch(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    a, b, c, d = protect(tx, [65534, 65535, 65536, 65537])
    (foreign,) = protect(sender(profile), [65538], ssrc=SSRC + 1)  # turn 1 of an SSRC not yet known
    batch = [a, forge(d), a, d, forge(c), b, b, foreign, c, d, forge(b), c]
    opened = rx.unprotect(batch)
    denied, replayed = -errno.EACCES, -errno.EALREADY
    assert [o.status for o in opened] == [
        0,
        denied,
        replayed,
        0,
        denied,
        0,
        replayed,
        denied,
        0,
        replayed,
        replayed,
        replayed,
    ]
    assert [o.index for o in opened if o.status == 0] == [65534, 65537, 65535, 65536]
    for o in opened:
        assert o.status == 0 or o.packet == b""


@PROFILES
@PLACES
def test_forgery_moves_nothing(profile: int, in_place: bool) -> None:
    tx, rx = sender(profile), receiver(profile)
    indices = [100, 101, 102, 30102]
    packets = dict(zip(indices, protect(tx, indices), strict=True))
    assert accepts(rx, packets[100], 100)
    # Ahead: would push the window past 101 and, twice over, the turn.
    for ahead in [1000, 5000, 20000, 32000]:
        for sequence in [100 + ahead, 65536 + 100 - ahead]:
            bad = packets[100][:2] + struct.pack("!H", sequence & 0xFFFF) + packets[100][4:]
            (opened,) = rx.unprotect([bad], in_place=in_place)
            assert opened.status == -errno.EACCES
    # The very next, damaged: must stay acceptable.
    (opened,) = rx.unprotect([forge(packets[101])], in_place=in_place)
    assert opened.status == -errno.EACCES
    for index in [101, 102, 30102]:
        assert accepts(rx, packets[index], index)


@PROFILES
def test_forgeries_take_no_place_in_the_table(profile: int) -> None:
    rx = receiver(profile)
    good = protect(sender(profile), [7])[0]
    for ssrc in range(5000, 5500):
        bad = good[:8] + struct.pack("!I", ssrc) + good[12:]
        assert rx.unprotect([bad])[0].status == -errno.EACCES
        assert rx.unprotect([good[:12]])[0].status == -errno.EBADMSG
    tx = sender(profile)
    for ssrc in range(srtp.MAX_RECEIVE_STREAMS):
        assert accepts(rx, protect(tx, [7], ssrc)[0], 7, ssrc)
    (one_more,) = protect(tx, [7], SSRC)
    (opened,) = rx.unprotect([one_more])
    assert (opened.status, opened.packet) == (-errno.ENOSPC, b"")
    for ssrc in range(srtp.MAX_RECEIVE_STREAMS):
        assert accepts(rx, protect(tx, [8], ssrc)[0], 8, ssrc)


@PROFILES
def test_window_edge(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    oldest, edge, highest = 60000, 60001, 60000 + 1024
    first, too_old, just_in, top = protect(tx, [59000, oldest, edge, highest])
    assert accepts(rx, first, 59000)
    assert accepts(rx, top, highest)
    assert rx.unprotect([too_old])[0].status == -errno.EALREADY
    assert accepts(rx, just_in, edge)
    assert rx.unprotect([just_in])[0].status == -errno.EALREADY


@PROFILES
def test_streams_are_apart(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    for index in [65534, 65535, 65536]:
        for ssrc in [1, 2, 0xFFFFFFFF, 0]:
            assert accepts(rx, protect(tx, [index], ssrc)[0], index, ssrc)
    assert accepts(rx, protect(tx, [5], 3)[0], 5, 3)


@PROFILES
@PLACES
def test_every_flipped_bit_is_refused_and_leaves_no_plaintext(profile: int, in_place: bool) -> None:
    tx, rx = sender(profile), receiver(profile)
    head, body = header(9, csrcs=1, extension=bytes(range(8))), b"\x5a" * 33
    ((_, packet),) = tx.protect([(9, head, body)])
    for bit in range(len(packet) * 8):
        bad = bytearray(packet)
        bad[bit // 8] ^= 1 << bit % 8
        (opened,) = rx.unprotect([bytes(bad)], in_place=in_place)
        assert opened.status in (-errno.EACCES, -errno.EBADMSG)
        assert opened.packet == b""
        assert body[:4] not in opened.output
    (opened,) = rx.unprotect([packet], in_place=in_place)
    assert (opened.status, opened.packet) == (0, head + body)


@PROFILES
def test_every_truncation_and_extension_is_refused(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    ((_, packet),) = tx.protect([(9, header(9, csrcs=2, extension=bytes(8)), payload(9))])
    shortest = 12 + 2 * 4 + 4 + 8 + tx.overhead
    for length in range(len(packet)):
        (opened,) = rx.unprotect([packet[:length]])
        assert opened.status == -errno.EBADMSG if length < shortest else opened.status == -errno.EACCES
    for more in range(1, 20):
        (opened,) = rx.unprotect([packet + bytes(more)])
        assert opened.status == -errno.EACCES
    assert rx.unprotect([packet])[0].status == 0


@PROFILES
def test_other_version_is_malformed(profile: int) -> None:
    (packet,) = protect(sender(profile), [1])
    for version in [0, 1, 3]:
        bad = bytes([packet[0] & 0x3F | version << 6]) + packet[1:]
        assert receiver(profile).unprotect([bad])[0].status == -errno.EBADMSG


@PROFILES
def test_wrong_key_profile_or_salt(profile: int) -> None:
    key, salt = keys(profile)
    (packet,) = protect(sender(profile), [1])
    for other in [
        srtp.Receiver(profile, key[::-1], salt),
        srtp.Receiver(profile, key, salt[::-1]),
        *(receiver(p) for p in (CM, GCM_128, GCM_256) if p != profile),
    ]:
        assert other.unprotect([packet])[0].status == -errno.EACCES


@PROFILES
@PLACES
def test_padding(profile: int, in_place: bool) -> None:
    tx, rx, lib_rx = sender(profile), receiver(profile), libsrtp_receiver(profile)
    suffix = bytes(254) + b"\xff"
    head = header(1, padding=True)
    ((_, packet),) = tx.protect([(1, head, b"media", b"", suffix)])
    assert lib_rx.unprotect(packet) == head + b"media" + suffix
    (opened,) = rx.unprotect([packet], in_place=in_place)
    assert (opened.status, opened.packet) == (0, head + b"media" + suffix)
    assert (opened.header["payload_length"], opened.header["padding_length"]) == (5, 255)


@PROFILES
@PLACES
def test_authentic_packet_with_bad_padding(profile: int, in_place: bool) -> None:
    """Malformed although authentic: refused, nothing left, and used up all the same."""
    tx, rx = sender(profile), receiver(profile)
    for index, body in enumerate([b"", b"secret\x00", b"secret\x08", b"secret\xff"]):
        ((_, packet),) = tx.protect([(index, header(index, padding=True), body)])
        (opened,) = rx.unprotect([packet], in_place=in_place)
        assert (opened.status, opened.packet) == (-errno.EBADMSG, b"")
        assert b"secret" not in opened.output
        assert rx.unprotect([packet])[0].status == -errno.EALREADY


# The sender


@PROFILES
def test_pieces_equal_one(profile: int) -> None:
    whole, pieces = sender(profile), sender(profile)
    for index, (head, body) in enumerate(shapes(), 65500):
        for ssrc_step, (prefix, suffix) in enumerate(
            [(0, 0), (2, 0), (16, 0), (0, 1), (0, 255), (1, 3), (16, 20)]
        ):
            own = head[:8] + struct.pack("!I", ssrc_step) + head[12:]
            text = payload(index, prefix) + body + payload(index + 1, suffix)
            ((_, expected),) = whole.protect([(index, own, text)])
            ((status, packet),) = pieces.protect(
                [(index, own, body, text[:prefix], text[len(text) - suffix :] if suffix else b"")]
            )
            assert (status, packet) == (0, expected)


@PROFILES
def test_batch_equals_one_by_one(profile: int) -> None:
    indices = list(range(65500, 65600))
    one_by_one = sender(profile)
    assert protect(sender(profile), indices) == [protect(one_by_one, [index])[0] for index in indices]
    assert sender(profile).protect([]) == []
    assert receiver(profile).unprotect([]) == []


@PROFILES
def test_protect_refuses_a_used_index(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    order = [10, 11, 10, 13, 12, 12, 11, 14, 13 + 2000, 14, 13 + 2000 - 1023, 13 + 2000 - 1024]
    used = -errno.EALREADY
    result = tx.protect([(index, header(index), payload(index)) for index in order])
    assert [status for status, _ in result] == [0, 0, used, 0, 0, used, used, 0, 0, used, 0, used]
    for index, (status, packet) in zip(order, result, strict=True):
        assert packet == b"" if status else accepts(rx, packet, index)
    # Another payload under a used index is refused just the same.
    assert tx.protect([(10, header(10), b"other")]) == [(used, b"")]


@PROFILES
@pytest.mark.parametrize("index", [-1, -65536, -(2**63), 2**48, 2**63 - 1])
def test_protect_refuses_an_index_out_of_range(profile: int, index: int) -> None:
    tx = sender(profile)
    assert tx.protect([(index, header(index), b"x")]) == [(-errno.ERANGE, b"")]
    ((status, _),) = tx.protect([(2**48 - 1, header(2**48 - 1), b"x")])
    assert status == 0


@PROFILES
def test_streams_of_a_sender_stay_where_they_are(profile: int) -> None:
    tx = sender(profile)
    addresses = {ssrc: tx.stream_address(ssrc) for ssrc in range(1000, 1300)}
    assert len(set(addresses.values())) == 300
    assert all(tx.stream_address(ssrc) == address for ssrc, address in addresses.items())


def test_no_two_packets_share_a_key_stream() -> None:
    """Zeros sealed under different SSRCs and indices show the key stream itself."""
    for profile in (CM, GCM_128, GCM_256):
        tx = sender(profile)
        seen = set()
        for ssrc in [0, 1, 256, 65536, 0xFFFFFFFF]:
            for index in [0, 1, 2, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**47, 2**48 - 1]:
                ((status, packet),) = tx.protect([(index, header(index, ssrc), bytes(16))])
                assert status == 0
                seen.add(packet[12:28])
        assert len(seen) == 55


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([CM, GCM_128, GCM_256]), st.sampled_from(STARTS), st.integers(0, 2**32))
def test_a_lossy_reordering_duplicating_forging_network(profile: int, start: int, seed: int) -> None:
    """What arrives is delivered once, as sent, if it is not older than the window; nothing else is."""
    rng = random.Random(seed)
    tx, rx = sender(profile), receiver(profile)
    count = 120
    step = rng.choice([1, 1, 7, 100])
    indices = [start + n * step for n in range(count)]
    packets = protect(tx, indices)
    wire: list[tuple[float, int, bool]] = [(-1.0, 0, False)]
    for n in range(1, count):
        copies = rng.choice([0, 1, 1, 1, 2])
        wire.extend((n + rng.uniform(0, 20), n, rng.random() < 0.1) for _ in range(copies))
    wire.sort()
    taken: set[int] = set()
    highest = -1
    at = 0
    while at < len(wire):
        size = rng.randint(1, 16)
        batch = wire[at : at + size]
        at += size
        opened = rx.unprotect([forge(packets[n]) if bad else packets[n] for _, n, bad in batch])
        for (_, n, bad), o in zip(batch, opened, strict=True):
            index = indices[n]
            expected = not bad and index not in taken and index > highest - WINDOW
            assert (o.status == 0) == expected
            if expected:
                assert (o.index, o.packet) == (index, plain(index))
                taken.add(index)
                highest = max(highest, index)


# RTCP


def rtcp(ssrc: int = SSRC, words: int = 5) -> bytes:
    body = b"".join(struct.pack("!I", 0x01020304 * (n + 1) & 0xFFFFFFFF) for n in range(words))
    return struct.pack("!BBHI", 0x80, 201, 1 + words, ssrc) + body


def protect_rtcp(tx: srtp.Sender, packet: bytes) -> bytes:
    status, protected = tx.protect_rtcp(packet)
    assert status == len(protected) > len(packet)
    return protected


def rtcp_accepts(rx: srtp.Receiver, packet: bytes, expected: bytes) -> bool:
    status, output = rx.unprotect_rtcp(packet)
    assert status < 0 or output[:status] == expected
    return status >= 0


@PROFILES
def test_rtcp_with_libsrtp(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    lib_tx, lib_rx = libsrtp_sender(profile), libsrtp_receiver(profile)
    for words in [*range(40), 300]:
        for ssrc in (SSRC, 5):
            packet = rtcp(ssrc, words)
            protected = protect_rtcp(tx, packet)
            assert lib_rx.unprotect_rtcp(protected) == packet
            assert rtcp_accepts(rx, protected, packet)
    other = receiver(profile)
    for words in range(40):
        assert rtcp_accepts(other, lib_tx.protect_rtcp(rtcp(words=words)), rtcp(words=words))


@PROFILES
def test_rtcp_index_counts_up_from_zero_with_the_e_bit(profile: int) -> None:
    tx = sender(profile)
    for index in range(300):
        packet = protect_rtcp(tx, rtcp(ssrc=index % 3))
        word = packet[-14:-10] if profile == CM else packet[-4:]
        assert struct.unpack("!I", word) == (0x80000000 | index,)


@PROFILES
def test_rtcp_replay_and_window(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    packets = [protect_rtcp(tx, rtcp()) for _ in range(1030)]
    assert rtcp_accepts(rx, packets[2], rtcp())
    assert rx.unprotect_rtcp(packets[2])[0] == -errno.EALREADY
    assert rtcp_accepts(rx, packets[1], rtcp())
    assert rtcp_accepts(rx, packets[1027], rtcp())
    assert rx.unprotect_rtcp(packets[3])[0] == -errno.EALREADY
    assert rtcp_accepts(rx, packets[4], rtcp())
    assert rx.unprotect_rtcp(packets[4])[0] == -errno.EALREADY


@PROFILES
def test_rtcp_streams_are_apart_and_limited(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    good = protect_rtcp(tx, rtcp())
    for ssrc in range(5000, 5200):
        assert rx.unprotect_rtcp(good[:4] + struct.pack("!I", ssrc) + good[8:])[0] == -errno.EACCES
    for ssrc in range(srtp.MAX_RECEIVE_STREAMS):
        assert rtcp_accepts(rx, protect_rtcp(tx, rtcp(ssrc)), rtcp(ssrc))
    assert rx.unprotect_rtcp(protect_rtcp(tx, rtcp(4000)))[0] == -errno.ENOSPC
    assert rtcp_accepts(rx, protect_rtcp(tx, rtcp(0)), rtcp(0))
    # RTP counts apart.
    assert accepts(rx, protect(tx, [1])[0], 1)


@PROFILES
def test_rtcp_every_flipped_bit_is_refused(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    protected = protect_rtcp(tx, rtcp())
    for bit in range(len(protected) * 8):
        bad = bytearray(protected)
        bad[bit // 8] ^= 1 << bit % 8
        status, output = rx.unprotect_rtcp(bytes(bad))
        assert status in (-errno.EACCES, -errno.EBADMSG)
        assert rtcp()[8:16] not in output
    assert rtcp_accepts(rx, protected, rtcp())


@PROFILES
def test_rtcp_every_truncation_and_extension_is_refused(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    protected = protect_rtcp(tx, rtcp())
    shortest = 8 + len(protected) - len(rtcp())
    for length in range(len(protected)):
        status, _ = rx.unprotect_rtcp(protected[:length])
        assert status == -errno.EBADMSG if length < shortest else status == -errno.EACCES
    for more in range(1, 20):
        assert rx.unprotect_rtcp(protected + bytes(more))[0] == -errno.EACCES
    assert rtcp_accepts(rx, protected, rtcp())


def seal_rtcp(profile: int, packet: bytes, word: int) -> bytes:
    """SRTCP written once more, with an E bit and index of one's choice. Whether E is set, the packet is encrypted."""
    key, salt = keys(profile)
    session_key = srtp.kdf_derive(key, salt, 3, len(key))
    session_salt = srtp.kdf_derive(key, salt, 5, len(salt))
    ssrc, index = int.from_bytes(packet[4:8], "big"), word & 0x7FFFFFFF
    tail = struct.pack("!I", word)
    if profile == CM:
        iv = (int.from_bytes(session_salt, "big") ^ ssrc << 48 ^ index) << 16
        cm = srtp.Cm(session_key, srtp.kdf_derive(key, salt, 4, 20))
        text = packet[:8] + cm.crypt(iv.to_bytes(16, "big"), packet[8:]) + tail
        return text + cm.authenticate(text)[:10]
    nonce = int.from_bytes(session_salt, "big") ^ ssrc << 48 ^ index
    sealed = srtp.Gcm(session_key).seal(nonce.to_bytes(12, "big"), packet[:8] + tail, packet[8:])
    return packet[:8] + sealed + tail


@PROFILES
def test_rtcp_with_the_e_bit_clear_is_refused_even_if_authentic(profile: int) -> None:
    rx = receiver(profile)
    for index in [0, 1, 0x7FFFFFFE, 0x7FFFFFFF]:
        assert rx.unprotect_rtcp(seal_rtcp(profile, rtcp(), index))[0] == -errno.EACCES
        assert rtcp_accepts(rx, seal_rtcp(profile, rtcp(), 0x80000000 | index), rtcp())


@PROFILES
def test_rtcp_protect_refuses(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    overhead = 14 if profile == CM else 20
    for length in range(8):
        assert tx.protect_rtcp(rtcp()[:length])[0] == -errno.EINVAL
    for capacity in range(len(rtcp()), len(rtcp()) + overhead):
        assert tx.protect_rtcp(rtcp(), capacity)[0] == -errno.ENOSPC
    status, protected = tx.protect_rtcp(rtcp(), len(rtcp()) + overhead)
    assert status == len(rtcp()) + overhead
    assert rtcp_accepts(rx, protected, rtcp())
    # No index was used up by what was refused.
    word = protected[-14:-10] if profile == CM else protected[-4:]
    assert word == b"\x80\0\0\0"


@PROFILES
def test_rtp_and_rtcp_do_not_open_as_each_other(profile: int) -> None:
    tx, rx = sender(profile), receiver(profile)
    assert rx.unprotect_rtcp(protect(tx, [1])[0])[0] == -errno.EACCES
    assert rx.unprotect([protect_rtcp(tx, rtcp())])[0].status == -errno.EACCES


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([CM, GCM_128, GCM_256]), st.binary(max_size=120), st.booleans())
def test_arbitrary_bytes_never_open(profile: int, data: bytes, in_place: bool) -> None:
    rx = receiver(profile)
    for packet in (data, b"\x80\x60" + data, b"\x90\x60" + data):
        assert rx.unprotect([packet], in_place=in_place)[0].status in (-errno.EACCES, -errno.EBADMSG)
        assert rx.unprotect_rtcp(packet)[0] in (-errno.EACCES, -errno.EBADMSG)
