// RTP, RTCP, STUN and DTLS over a byte stream (RFC 4571, RFC 6544): each datagram behind its length in two bytes.
#ifndef SFU_CORE_TCP_FRAMING_H
#define SFU_CORE_TCP_FRAMING_H

#include <stddef.h>
#include <stdint.h>

enum { TCP_FRAME_HEADER_BYTES = 2, TCP_FRAME_MAX_BYTES = 1500 };

// The end of a stream that has come in and not been taken yet. All zeros: nothing.
typedef struct tcp_framing {
    uint8_t bytes[TCP_FRAME_HEADER_BYTES + TCP_FRAME_MAX_BYTES];
    size_t used;
    size_t taken; // bytes of the frame given last, which go with the next call
} tcp_framing;

// Where the stream goes on, and room for how much: at least one byte once tcp_framing_next has returned 0.
uint8_t *tcp_framing_room(tcp_framing *in, size_t *capacity);
// So much has been put there.
void tcp_framing_received(tcp_framing *in, size_t length);

// 1: the next frame, not empty (empty ones are passed over), which stands until the next call. 0: more has to come
// first. -EMSGSIZE: a frame over TCP_FRAME_MAX_BYTES; the stream cannot be read on.
int tcp_framing_next(tcp_framing *in, const uint8_t **frame, size_t *length);

// The two bytes before a frame of that length, at most UINT16_MAX.
void tcp_framing_write_header(uint8_t header[TCP_FRAME_HEADER_BYTES], size_t length);

#endif
