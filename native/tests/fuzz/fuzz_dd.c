// Proves, for any descriptors of one stream, each cut off where the input says so: dd_parse reads nothing outside of
// them (AddressSanitizer) and answers 0 or the errno of its contract; what it accepts is within the bounds of the
// header; writing it unchanged gives its own bits and writing it changed gives what was predicted, in the length that
// was predicted; that reads as the same frame under the structure moved alike, and changing it back gives what was
// there.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cursor.h"
#include "core/dd.h"

static void demand(bool holds) {
    if (!holds) abort();
}

static void check_structure(const dd_structure *s) {
    demand(s->template_count >= 1 && s->template_count <= DD_TEMPLATE_IDS && s->template_id_offset < DD_TEMPLATE_IDS);
    demand(s->decode_target_count >= 1 && s->decode_target_count <= DD_MAX_DECODE_TARGETS);
    demand(s->chain_count <= s->decode_target_count);
    demand(s->spatial_layer_count >= 1 && s->spatial_layer_count <= DD_MAX_SPATIAL_LAYERS);
    for (unsigned i = 0; i < s->template_count; i++) {
        const dd_template *template = &s->templates[i];
        demand(template->spatial_id < s->spatial_layer_count && template->temporal_id < DD_MAX_TEMPORAL_LAYERS);
        demand(template->fdiff_count <= DD_MAX_FDIFFS);
        for (unsigned k = 0; k < template->fdiff_count; k++)
            demand(template->fdiffs[k] >= 1 && template->fdiffs[k] <= 16);
        for (unsigned k = 0; k < DD_MAX_CHAINS; k++)
            demand(template->chain_fdiffs[k] < (k < s->chain_count ? 16 : 1));
    }
    for (unsigned i = 0; i < s->decode_target_count; i++) {
        demand(s->targets[i].protected_by < (s->chain_count ? s->chain_count : 1));
        demand(s->targets[i].spatial_id < s->spatial_layer_count);
        demand(s->targets[i].temporal_id < DD_MAX_TEMPORAL_LAYERS);
    }
    for (unsigned i = 0; s->has_resolutions && i < s->spatial_layer_count; i++)
        demand(s->resolutions[i].width >= 1 && s->resolutions[i].height >= 1);
}

static void check_descriptor(const dd_descriptor *d, const dd_structure *s, size_t length) {
    demand(d->decode_target_count == s->decode_target_count && d->chain_count == s->chain_count);
    demand(d->spatial_id < s->spatial_layer_count && d->temporal_id < DD_MAX_TEMPORAL_LAYERS);
    demand(d->fdiff_count <= DD_MAX_FDIFFS);
    for (unsigned i = 0; i < d->fdiff_count; i++)
        demand(d->fdiffs[i] >= 1 && d->fdiffs[i] <= 4096);
    demand((d->active_decode_targets & ~dd_all_decode_targets(d->decode_target_count)) == 0);
    demand(d->bits >= 24 && d->active_at >= 24 && d->active_at <= d->bits && d->bits <= length * 8);
    demand(!d->has_structure || d->start_of_frame);
}

// All but where things stand, which the active decode targets move.
static void check_same_frame(dd_descriptor a, dd_descriptor b, const dd_change *change) {
    demand((seq16)(a.frame_number + change->frame_number) == b.frame_number);
    demand(((a.template_id + change->template_id) & (DD_TEMPLATE_IDS - 1)) == b.template_id);
    a.frame_number = b.frame_number;
    a.template_id = b.template_id;
    if (change->set_active) {
        demand(b.has_active_decode_targets);
        uint32_t all = dd_all_decode_targets(a.decode_target_count);
        demand(b.active_decode_targets == (change->active_decode_targets & all));
        a.has_active_decode_targets = true;
        a.active_decode_targets = b.active_decode_targets;
        a.bits = b.bits;
    }
    demand(a.active_at == b.active_at || (change->set_active && a.active_at == 24 && b.active_at == 29));
    a.active_at = b.active_at;
    demand(memcmp(&a, &b, sizeof a) == 0);
}

// Writes the descriptor changed into a block of just the length that it has. Returns that; 0 where it may not.
static size_t write_changed(const dd_descriptor *d, const uint8_t *bytes, const dd_change *change, uint8_t **output) {
    size_t length = dd_changed_length(d, change);
    *output = malloc(length);
    demand(*output);
    writer w = writer_over(*output, length);
    int status = dd_write_changed(&w, d, bytes, change);
    demand(status == (length <= DD_MAX_BYTES ? 0 : -ENOSPC));
    demand(writer_length(&w) == (status ? 0 : length));
    writer narrow = writer_over(*output, length - 1);
    demand(dd_write_changed(&narrow, d, bytes, change) == -ENOSPC && writer_length(&narrow) == 0);
    return status ? 0 : length;
}

static void check_unchanged(const dd_descriptor *d, const uint8_t *bytes) {
    uint8_t *output;
    size_t length = write_changed(d, bytes, &(dd_change){0}, &output);
    demand(length == (d->bits + 7U) / 8 && memcmp(output, bytes, length - 1) == 0);
    uint8_t kept = (uint8_t)(0xFF << (length * 8 - d->bits));
    demand(output[length - 1] == (bytes[length - 1] & kept));
    free(output);
}

static void check_changed(const dd_descriptor *d, const dd_structure *s, const uint8_t *bytes,
                          const dd_change *change) {
    uint8_t *output;
    size_t length = write_changed(d, bytes, change, &output);
    if (length) {
        dd_structure moved = *s, attached;
        moved.template_id_offset = (s->template_id_offset + change->template_id) & (DD_TEMPLATE_IDS - 1);
        dd_descriptor again;
        demand(dd_parse(&again, &attached, &moved, output, length) == 0);
        check_same_frame(*d, again, change);
        demand(!d->has_structure || dd_structure_equal(&attached, &moved));
        dd_change back = {.frame_number = (uint16_t)-change->frame_number,
                          .template_id = (uint8_t)(DD_TEMPLATE_IDS - change->template_id)};
        if (!change->set_active) {
            uint8_t *first, *second;
            size_t first_length = write_changed(d, bytes, &(dd_change){0}, &first);
            size_t second_length = write_changed(&again, output, &back, &second);
            demand(first_length == second_length && memcmp(first, second, first_length) == 0);
            free(first);
            free(second);
        }
    }
    free(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cursor c = cursor_over(data, size);
    dd_structure structures[2];
    int in_force = -1;
    while (cursor_left(&c) && cursor_ok(&c)) {
        dd_change change = {.frame_number = cursor_u16(&c), .template_id = cursor_u8(&c) & (DD_TEMPLATE_IDS - 1)};
        change.set_active = cursor_u8(&c) & 1;
        change.active_decode_targets = cursor_u32(&c);
        size_t length = cursor_u16(&c) % (DD_MAX_BYTES + 2);
        if (length > cursor_left(&c)) length = cursor_left(&c);
        uint8_t *bytes = malloc(length ? length : 1); // of its own, so that a byte too many is seen
        demand(bytes);
        const uint8_t *from = cursor_bytes(&c, length);
        if (from && length) memcpy(bytes, from, length);
        const dd_structure *known = in_force < 0 ? NULL : &structures[in_force];
        dd_structure *attached = &structures[in_force == 0];
        dd_descriptor found;
        int status = dd_parse(&found, attached, known, bytes, length);
        demand(status == 0 || status == -EBADMSG || status == -ENOENT);
        demand(status != -ENOENT || !found.has_structure);
        if (status == 0) {
            if (found.has_structure) {
                in_force = in_force == 0;
                known = attached;
                check_structure(attached);
            }
            demand(known);
            check_descriptor(&found, known, length);
            check_unchanged(&found, bytes);
            check_changed(&found, known, bytes, &change);
        }
        free(bytes);
    }
    return 0;
}
