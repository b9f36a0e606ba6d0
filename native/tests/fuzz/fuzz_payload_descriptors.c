// Proves, for any bytes: vp8_parse and vp9_parse read nothing outside of the payload (AddressSanitizer) and answer 0 or
// -EBADMSG; what they accept lies in the payload and within the widths of its fields; written again, it fits the
// cipher's prefix behind RTX's sequence number and reads as the same, also with other values in it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cipher.h"
#include "core/cursor.h"
#include "core/rtx.h"
#include "core/vp8.h"
#include "core/vp9.h"

_Static_assert(RTX_OSN_BYTES + VP8_MAX_DESCRIPTOR_BYTES <= CIPHER_MAX_PREFIX, "no room before the shared body");
_Static_assert(RTX_OSN_BYTES + VP9_MAX_HEAD_BYTES <= CIPHER_MAX_PREFIX, "no room before the shared body");

static void demand(bool holds) {
    if (!holds) abort();
}

static void check_picture(picture_id id) {
    demand(id.value < (id.wide ? 1 << 15 : 1 << 7) && (id.present || (!id.wide && id.value == 0)));
}

static picture_id other_picture(picture_id id, uint16_t value) {
    if (id.present) id.value = value & (id.wide ? 0x7FFF : 0x7F);
    return id;
}

// The payload with `head` in place of its first `taken` bytes, in a block of just that length.
static uint8_t *joined(const writer *head, size_t taken, const uint8_t *payload, size_t length, size_t *joined_length) {
    size_t head_length = writer_length(head);
    *joined_length = head_length + length - taken;
    uint8_t *bytes = malloc(*joined_length ? *joined_length : 1);
    demand(bytes);
    memcpy(bytes, head->start, head_length);
    memcpy(bytes + head_length, payload + taken, length - taken);
    return bytes;
}

static void check_vp8(const uint8_t *payload, size_t length, uint32_t values) {
    vp8_descriptor found;
    int status = vp8_parse(&found, payload, length);
    demand(status == 0 || status == -EBADMSG);
    if (status) return;
    demand(found.length >= 1 && found.length <= VP8_MAX_DESCRIPTOR_BYTES && found.length <= length);
    demand(found.partition < 8 && found.temporal_id < 4 && found.key_idx < 32);
    demand(!found.key_frame || (found.frame_start && length > found.length));
    check_picture(found.picture);
    found.picture = other_picture(found.picture, (uint16_t)values);
    if (found.has_tl0_pic_idx) found.tl0_pic_idx = (uint8_t)(values >> 16);
    if (found.has_key_idx) found.key_idx = values >> 24 & 31;
    uint8_t bytes[VP8_MAX_DESCRIPTOR_BYTES];
    writer w = writer_over(bytes, sizeof bytes);
    vp8_write(&w, &found);
    demand(writer_ok(&w) && writer_length(&w) <= found.length);
    size_t again_length;
    uint8_t *again = joined(&w, found.length, payload, length, &again_length);
    vp8_descriptor reread;
    demand(vp8_parse(&reread, again, again_length) == 0 && reread.length == writer_length(&w));
    found.length = reread.length;
    demand(memcmp(&found, &reread, sizeof found) == 0);
    free(again);
}

static void check_vp9(const uint8_t *payload, size_t length, uint32_t values) {
    vp9_descriptor found;
    int status = vp9_parse(&found, payload, length);
    demand(status == 0 || status == -EBADMSG);
    if (status) return;
    demand(found.head_length >= 1 && found.head_length <= VP9_MAX_HEAD_BYTES && found.head_length <= found.length);
    demand(found.length <= length && found.temporal_id < 8 && found.spatial_id < VP9_MAX_SPATIAL_LAYERS);
    demand(found.reference_count <= VP9_MAX_REFERENCES &&
           (found.reference_count > 0) == (found.predicted && found.flexible));
    demand(found.has_structure == (found.structure.spatial_layer_count > 0));
    demand(found.structure.spatial_layer_count <= VP9_MAX_SPATIAL_LAYERS);
    check_picture(found.picture);
    found.picture = other_picture(found.picture, (uint16_t)values);
    if (found.has_tl0_pic_idx) found.tl0_pic_idx = (uint8_t)(values >> 16);
    uint8_t bytes[VP9_MAX_HEAD_BYTES];
    writer w = writer_over(bytes, sizeof bytes);
    vp9_write_head(&w, &found);
    demand(writer_ok(&w) && writer_length(&w) == found.head_length);
    size_t again_length;
    uint8_t *again = joined(&w, found.head_length, payload, length, &again_length);
    vp9_descriptor reread;
    demand(vp9_parse(&reread, again, again_length) == 0);
    demand(memcmp(&found, &reread, sizeof found) == 0);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cursor c = cursor_over(data, size);
    uint32_t values = cursor_u32(&c);
    if (!cursor_ok(&c)) return 0;
    check_vp8(c.at, cursor_left(&c), values);
    check_vp9(c.at, cursor_left(&c), values);
    return 0;
}
