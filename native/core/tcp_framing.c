#include "core/tcp_framing.h"

#include <errno.h>
#include <string.h>

uint8_t *tcp_framing_room(tcp_framing *in, size_t *capacity) {
    *capacity = sizeof in->bytes - in->used;
    return in->bytes + in->used;
}

void tcp_framing_received(tcp_framing *in, size_t length) {
    in->used += length;
}

static void drop(tcp_framing *in, size_t length) {
    in->used -= length;
    memmove(in->bytes, in->bytes + length, in->used);
}

int tcp_framing_next(tcp_framing *in, const uint8_t **frame, size_t *length) {
    drop(in, in->taken);
    in->taken = 0;
    while (in->used >= TCP_FRAME_HEADER_BYTES) {
        size_t announced = (size_t)(in->bytes[0] << 8 | in->bytes[1]);
        if (announced > TCP_FRAME_MAX_BYTES) return -EMSGSIZE;
        if (in->used < TCP_FRAME_HEADER_BYTES + announced) return 0;
        if (announced == 0) {
            drop(in, TCP_FRAME_HEADER_BYTES);
            continue;
        }
        *frame = in->bytes + TCP_FRAME_HEADER_BYTES;
        *length = announced;
        in->taken = TCP_FRAME_HEADER_BYTES + announced;
        return 1;
    }
    return 0;
}

void tcp_framing_write_header(uint8_t header[TCP_FRAME_HEADER_BYTES], size_t length) {
    header[0] = (uint8_t)(length >> 8);
    header[1] = (uint8_t)length;
}
