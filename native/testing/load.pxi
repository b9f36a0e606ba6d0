# The headers of native/load that both peer.pyx and load.pyx speak to.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "core/cursor.h" nogil:
    ctypedef struct writer:
        pass
    writer writer_over(uint8_t *, size_t)
    bint writer_ok(const writer *)
    size_t writer_length(const writer *)

cdef extern from "core/rtp.h" nogil:
    ctypedef struct rtp_header:
        uint32_t ssrc
    int rtp_parse(rtp_header *, const uint8_t *, size_t)

cdef extern from "load/payload.h" nogil:
    ctypedef struct payload_mark:
        uint32_t stream
        uint32_t sequence
        uint32_t frame
        uint16_t index
        uint16_t count
        uint16_t length
        bint video
        bint key
        uint64_t capture_us
    int PAYLOAD_MIN_BYTES, PAYLOAD_MAX_BYTES
    void payload_write(writer *, const payload_mark *)
    int payload_read(payload_mark *, const uint8_t *, size_t, bint)

cdef extern from "load/source_model.h" nogil:
    ctypedef struct source_layer_config:
        uint32_t ssrc
        uint32_t rtx_ssrc
        uint32_t stream
        char rid[17]
        uint64_t bitrate_bps
        uint16_t first_sequence
        uint32_t first_timestamp
    ctypedef struct source_extension:
        uint8_t length
        uint8_t bytes[28]
    ctypedef struct source_config:
        bint video
        char mid[17]
        uint8_t payload_type
        uint8_t rtx_payload_type
        uint32_t clock_rate
        uint32_t frames_per_second
        uint16_t audio_bytes
        uint8_t audio_level
        bint voice
        uint16_t max_packet_bytes
        uint32_t key_size_percent
        uint32_t key_interval
        uint32_t size_spread_percent
        uint8_t orientation
        source_extension playout_delay
        source_extension color_space
        uint32_t phase_us
        uint8_t layer_count
        source_layer_config layers[3]
    ctypedef struct source_packet:
        payload_mark mark
        int64_t sequence
        uint32_t timestamp
        bint marker
        uint8_t layer
    ctypedef struct source_stats:
        uint64_t packets
        uint64_t frames
        uint64_t key_frames
        uint64_t captures_skipped
    ctypedef struct source_model:
        pass
    uint64_t SOURCE_MAX_BEHIND_US
    int SOURCE_MAX_FRAME_PACKETS
    source_model *source_model_create(const source_config *)
    void source_model_destroy(source_model *)
    void source_model_start(source_model *, uint64_t)
    bint source_model_poll(source_model *, uint64_t, source_packet *)
    uint64_t source_model_next_deadline_us(const source_model *)
    void source_model_request_key_frame(source_model *)
    void source_model_set_muted(source_model *, bint)
    void source_model_set_layer_active(source_model *, uint8_t, bint)
    void source_model_set_audio_level(source_model *, uint8_t, bint)
    uint32_t source_model_timestamp_at(const source_model *, uint8_t, uint64_t)
    source_stats source_model_get_stats(const source_model *)

cdef extern from "load/verify.h" nogil:
    ctypedef struct stream_stats:
        uint64_t packets
        uint64_t bytes
        uint64_t padding
        uint64_t recovered
        uint64_t duplicates
        uint64_t late
        uint64_t too_late
        uint64_t missing
        uint64_t frames
        uint64_t frames_complete
        uint64_t frames_lost
        uint64_t frames_decoded
        uint64_t key_frames
        uint64_t splices
        uint64_t corrupt
        uint64_t inconsistent
        uint64_t wrong_payload_type
        uint64_t marker_errors
        uint64_t timestamp_errors
        uint64_t numbering_errors
        uint64_t repeated_frames
        uint64_t chain_breaks
        uint64_t first_us
        uint64_t last_us
        uint64_t decoded_us
        uint64_t longest_gap_us
        uint64_t delay_us
        uint64_t longest_delay_us
        uint32_t stream
        uint32_t frame
        int64_t highest_sequence
    ctypedef struct verify_config:
        bint video
        uint8_t payload_type
    ctypedef struct verify_packet:
        const uint8_t *bytes
        const rtp_header *header
        int64_t sequence
        uint64_t arrival_us
        bint recovered
    ctypedef struct verify_result:
        bint fresh
        bint intact
        bint key_frame_start
        payload_mark mark
    ctypedef struct verify:
        pass
    int VERIFY_FRAMES, VERIFY_WINDOW
    verify *verify_create(const verify_config *)
    void verify_destroy(verify *)
    verify_result verify_on_packet(verify *, const verify_packet *)
    int64_t verify_extend(const verify *, uint16_t)
    const stream_stats *verify_get_stats(const verify *)
