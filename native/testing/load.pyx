"""The parts of the client role for pytest: payloads, sources, the verifier."""
from libc.string cimport memset

include "load.pxi"

MIN_BYTES = PAYLOAD_MIN_BYTES
MAX_BYTES = PAYLOAD_MAX_BYTES
MAX_BEHIND_US = SOURCE_MAX_BEHIND_US
MAX_FRAME_PACKETS = SOURCE_MAX_FRAME_PACKETS
FRAMES = VERIFY_FRAMES
WINDOW = VERIFY_WINDOW
# TypedDicts to those who read the stub.
Mark = SourcePacket = Result = dict


cdef object mark_dict(payload_mark mark):
    result = dict(mark)
    result["video"] = bool(mark.video)
    result["key"] = bool(mark.key)
    return result


def write_payload(mark, capacity=None):
    """The payload's bytes, or None where it does not fit `capacity` or is too short."""
    cdef payload_mark c = mark
    room = c.length if capacity is None else capacity
    cdef bytearray output = bytearray(room + 1)
    cdef uint8_t[::1] view = output
    cdef writer w = writer_over(&view[0], room)
    payload_write(&w, &c)
    return bytes(output[:writer_length(&w)]) if writer_ok(&w) else None


def read_payload(const uint8_t[::1] data, bint video):
    """The mark, or a negative errno."""
    cdef payload_mark mark
    memset(&mark, 0, sizeof(mark))
    result = payload_read(&mark, &data[0] if data.shape[0] else NULL, data.shape[0], video)
    return result if result < 0 else mark_dict(mark)


cdef class Source:
    cdef source_model *self_

    def __cinit__(self, layers, *, bint video=True, uint32_t clock_rate=90000, uint32_t frames_per_second=30,
                  uint16_t audio_bytes=80, uint8_t audio_level=30, uint16_t max_packet_bytes=1100,
                  uint32_t key_size_percent=500, uint32_t key_interval=0, uint32_t size_spread_percent=0,
                  uint64_t start_us=0):
        cdef source_config config
        memset(&config, 0, sizeof(config))
        config.video = video
        config.clock_rate = clock_rate
        config.frames_per_second = frames_per_second
        config.audio_bytes = audio_bytes
        config.audio_level = audio_level
        config.max_packet_bytes = max_packet_bytes
        config.key_size_percent = key_size_percent
        config.key_interval = key_interval
        config.size_spread_percent = size_spread_percent
        config.layer_count = len(layers)
        for i, (stream, bitrate_bps, first_sequence, first_timestamp) in enumerate(layers[:3]):
            config.layers[i].ssrc = config.layers[i].stream = stream
            config.layers[i].bitrate_bps = bitrate_bps
            config.layers[i].first_sequence = first_sequence
            config.layers[i].first_timestamp = first_timestamp
        self.self_ = source_model_create(&config)
        if self.self_ == NULL:
            raise ValueError("source_model_create refused the configuration")
        source_model_start(self.self_, start_us)

    def __dealloc__(self):
        source_model_destroy(self.self_)

    def poll(self, uint64_t now_us):
        cdef source_packet packet
        result = []
        while source_model_poll(self.self_, now_us, &packet):
            result.append(dict(
                mark_dict(packet.mark), wire=packet.sequence, timestamp=packet.timestamp, marker=bool(packet.marker),
                layer=packet.layer,
            ))
        return result

    def next_deadline_us(self):
        return source_model_next_deadline_us(self.self_)

    def request_key_frame(self):
        source_model_request_key_frame(self.self_)

    def set_muted(self, bint muted):
        source_model_set_muted(self.self_, muted)

    def set_layer_active(self, uint8_t layer, bint active):
        source_model_set_layer_active(self.self_, layer, active)

    def timestamp_at(self, uint8_t layer, uint64_t at_us):
        return source_model_timestamp_at(self.self_, layer, at_us)

    def stats(self):
        return source_model_get_stats(self.self_)


cdef class Verify:
    cdef verify *self_

    def __cinit__(self, *, bint video=True, uint8_t payload_type=96):
        cdef verify_config config
        config.video = video
        config.payload_type = payload_type
        self.self_ = verify_create(&config)
        if self.self_ == NULL:
            raise MemoryError

    def __dealloc__(self):
        verify_destroy(self.self_)

    def on_packet(self, uint64_t now_us, int64_t sequence, bytes data, bint recovered=False):
        """`data` is a whole plain RTP packet."""
        cdef rtp_header header
        cdef verify_packet packet
        if rtp_parse(&header, data, len(data)) < 0:
            raise ValueError("not RTP")
        packet.bytes = data
        packet.header = &header
        packet.sequence = sequence
        packet.arrival_us = now_us
        packet.recovered = recovered
        cdef verify_result result = verify_on_packet(self.self_, &packet)
        return {
            "fresh": bool(result.fresh),
            "intact": bool(result.intact),
            "key_frame_start": bool(result.key_frame_start),
        }

    def extend(self, uint16_t original):
        return verify_extend(self.self_, original)

    def stats(self):
        return verify_get_stats(self.self_)[0]
