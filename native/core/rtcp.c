#include "core/rtcp.h"

#include <errno.h>
#include <stdbool.h>

enum {
    VERSION = 2,
    MAX_COUNT = 31,          // five bits
    MAX_LENGTH_WORDS = 65535 // of the length field, which does not count the header's own word
};

static int bad(cursor *datagram) {
    datagram->failed = true;
    return -EBADMSG;
}

int rtcp_next(cursor *datagram, rtcp_packet *packet) {
    if (!cursor_ok(datagram)) return -EBADMSG;
    if (cursor_left(datagram) == 0) return 0;
    uint8_t first = cursor_u8(datagram);
    uint8_t type = cursor_u8(datagram);
    size_t length = (size_t)cursor_u16(datagram) * 4;
    const uint8_t *body = cursor_bytes(datagram, length);
    if (!body || first >> 6 != VERSION) return bad(datagram);

    if (first & 0x20) {
        if (cursor_left(datagram) != 0 || length == 0) return bad(datagram);
        // RFC 3550 section 6.4.1 wants a multiple of four. libwebrtc evens out its transport-cc feedback with one to
        // three bytes of padding and sets the bit for them, so asking for that would refuse every browser's feedback.
        uint8_t padding = body[length - 1];
        if (padding == 0 || padding > length) return bad(datagram);
        length -= padding;
    }
    *packet = (rtcp_packet){.type = type, .count = first & 0x1F, .body = body, .length = length};
    return 1;
}

int rtcp_check(const uint8_t *bytes, size_t length) {
    cursor datagram = cursor_over(bytes, length);
    rtcp_packet packet;
    bool any = false;
    int more;
    while ((more = rtcp_next(&datagram, &packet)) == 1)
        any = true;
    return any ? more : -EBADMSG;
}

uint8_t *rtcp_begin(writer *w, uint8_t type, uint8_t count) {
    if (count > MAX_COUNT) w->failed = true;
    uint8_t *begun = writer_reserve(w, RTCP_HEADER_BYTES);
    if (!begun) return NULL;
    writer header = writer_over(begun, RTCP_HEADER_BYTES);
    writer_u8(&header, (uint8_t)(VERSION << 6 | count));
    writer_u8(&header, type);
    writer_u16(&header, 0);
    return begun;
}

void rtcp_end(writer *w, uint8_t *begun) {
    if (!begun || !writer_ok(w)) return;
    size_t length = (size_t)(w->at - begun) - RTCP_HEADER_BYTES;
    // A body that is not whole words would shift every packet that follows it in the compound.
    if (length % 4 != 0 || length / 4 > MAX_LENGTH_WORDS) {
        w->failed = true;
        return;
    }
    writer field = writer_over(begun + 2, 2);
    writer_u16(&field, (uint16_t)(length / 4));
}
