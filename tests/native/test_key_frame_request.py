from sfu._testing.feedback import PLI_INTERVAL_US, KeyFrameRequest

NEVER = (1 << 64) - 1


def test_nobody_asks_nothing_is_sent() -> None:
    request = KeyFrameRequest()
    assert request.next_deadline_us == NEVER
    assert not request.poll(10**9)
    request.on_key_frame(10**9)
    assert not request.poll(10**9)


def test_the_first_request_goes_at_once() -> None:
    request = KeyFrameRequest()
    request.ask(7)
    assert request.next_deadline_us == 7
    assert request.poll(7)
    assert not request.poll(7)


def test_it_is_repeated_until_a_key_frame_comes() -> None:
    request = KeyFrameRequest()
    request.ask(0)
    sent = [now for now in range(0, 2_000_001, 10_000) if request.poll(now)]
    assert sent == [0, PLI_INTERVAL_US, 2 * PLI_INTERVAL_US, 3 * PLI_INTERVAL_US, 4 * PLI_INTERVAL_US]
    request.on_key_frame(2_100_000)
    assert request.next_deadline_us == NEVER
    assert not request.poll(10**9)


def test_many_wishes_in_an_interval_are_one_trailing_request() -> None:
    request = KeyFrameRequest()
    request.ask(0)
    assert request.poll(0)
    request.on_key_frame(100_000)
    for now in range(150_000, PLI_INTERVAL_US, 50_000):
        request.ask(now)
        assert not request.poll(now)
    assert request.next_deadline_us == PLI_INTERVAL_US
    assert not request.poll(PLI_INTERVAL_US - 1)
    assert request.poll(PLI_INTERVAL_US)
    assert request.next_deadline_us == 2 * PLI_INTERVAL_US


def test_a_key_frame_meets_the_wishes_before_it_also_unsent_ones() -> None:
    request = KeyFrameRequest()
    request.ask(0)
    assert request.poll(0)
    request.on_key_frame(100_000)
    request.ask(150_000)
    request.on_key_frame(200_000)
    assert not request.poll(PLI_INTERVAL_US)
    request.ask(10 * PLI_INTERVAL_US)  # long after: at once again
    assert request.poll(10 * PLI_INTERVAL_US)


def test_a_wish_made_after_the_key_frame_began_stays() -> None:
    request = KeyFrameRequest()
    request.ask(100)
    request.on_key_frame(99)
    assert request.poll(100)
    request.on_key_frame(100)
    request.ask(100)  # same time, but after it
    assert not request.poll(100)
    assert request.poll(100 + PLI_INTERVAL_US)
