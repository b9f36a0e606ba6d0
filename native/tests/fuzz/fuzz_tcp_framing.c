// What this proves of tcp_framing, for any stream in any pieces: there is room whenever it wants more; it gives just
// the frames that a plain reading of the whole stream gives, each in its place, up to the first that is too long, where
// both stop; and it reads and writes within its buffer (AddressSanitizer). The input is the length of the pieces, then
// the stream.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/tcp_framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) abort();
}

// The plain reading: the next frame that is not empty. 1, 0 at the end, -1 where one is too long.
static int next_plain(const uint8_t **at, const uint8_t *end, const uint8_t **frame, size_t *length) {
    while (end - *at >= TCP_FRAME_HEADER_BYTES) {
        *length = (size_t)((*at)[0] << 8 | (*at)[1]);
        if (*length > TCP_FRAME_MAX_BYTES) return -1;
        if ((size_t)(end - *at) < TCP_FRAME_HEADER_BYTES + *length) return 0;
        *frame = *at + TCP_FRAME_HEADER_BYTES;
        *at += TCP_FRAME_HEADER_BYTES + *length;
        if (*length > 0) return 1;
    }
    return 0;
}

static int take_all(tcp_framing *in, const uint8_t **at, const uint8_t *end) {
    const uint8_t *frame, *expected;
    size_t length, expected_length;
    int status;
    while ((status = tcp_framing_next(in, &frame, &length)) > 0) {
        require(next_plain(at, end, &expected, &expected_length) == 1);
        require(length == expected_length && memcmp(frame, expected, length) == 0);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const uint8_t *stream = data + 1, *end = data + size, *plain = stream;
    size_t piece = 1 + (size_t)data[0] * 8;
    tcp_framing *in = calloc(1, sizeof *in);
    require(in != NULL);
    int status = 0;
    while (stream < end && status == 0) {
        size_t capacity, length = (size_t)(end - stream) < piece ? (size_t)(end - stream) : piece;
        uint8_t *room = tcp_framing_room(in, &capacity);
        require(capacity > 0);
        if (length > capacity) length = capacity;
        memcpy(room, stream, length);
        stream += length;
        tcp_framing_received(in, length);
        status = take_all(in, &plain, end);
    }
    const uint8_t *frame;
    size_t length;
    require(next_plain(&plain, end, &frame, &length) == (status < 0 ? -1 : 0));
    free(in);
    return 0;
}
