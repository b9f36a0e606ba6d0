#include "media/key_frame_request.h"

void key_frame_request_init(key_frame_request *request) {
    *request = (key_frame_request){0};
}

void key_frame_request_ask(key_frame_request *request, uint64_t now_us) {
    request->wanted = true;
    request->wanted_us = now_us;
}

void key_frame_request_forget(key_frame_request *request) {
    request->wanted = false;
}

void key_frame_request_on_key_frame(key_frame_request *request, uint64_t now_us) {
    if (request->wanted_us <= now_us) request->wanted = false;
}

bool key_frame_request_poll(key_frame_request *request, uint64_t now_us) {
    if (!request->wanted || now_us < key_frame_request_next_deadline_us(request)) return false;
    request->sent = true;
    request->sent_us = now_us;
    return true;
}

uint64_t key_frame_request_next_deadline_us(const key_frame_request *request) {
    if (!request->wanted) return UINT64_MAX;
    return request->sent ? request->sent_us + KEY_FRAME_INTERVAL_US : request->wanted_us;
}
