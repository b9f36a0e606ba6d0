// When a PLI goes to a publisher: at once for the first request, then at most one in an interval, with a trailing
// request so that none is forgotten; repeated until a key frame comes.
#ifndef SFU_MEDIA_KEY_FRAME_REQUEST_H
#define SFU_MEDIA_KEY_FRAME_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_FRAME_INTERVAL_US = 500000 };

typedef struct key_frame_request {
    bool wanted;        // somebody waits for a key frame
    bool sent;          // at least one request ever went out
    uint64_t sent_us;   // the last one
    uint64_t wanted_us; // when the newest unmet wish was made
} key_frame_request;

void key_frame_request_init(key_frame_request *request);
void key_frame_request_ask(key_frame_request *request, uint64_t now_us);
// The first packet of a key frame came: wishes made before it are met.
void key_frame_request_on_key_frame(key_frame_request *request, uint64_t now_us);
// Nobody needs one any more.
void key_frame_request_forget(key_frame_request *request);
// True when a PLI is to be sent now; counts as sent.
bool key_frame_request_poll(key_frame_request *request, uint64_t now_us);
uint64_t key_frame_request_next_deadline_us(const key_frame_request *request); // UINT64_MAX: none

#endif
