#include "core/dd.h"

#include <errno.h>
#include <string.h>

#include "core/bits.h"

enum {
    TEMPLATE_ID_BITS = 6,
    FRAME_NUMBER_BITS = 16,
    MANDATORY_BITS = 2 + TEMPLATE_ID_BITS + FRAME_NUMBER_BITS,
    MANDATORY_BYTES = MANDATORY_BITS / 8,
    FLAG_BITS = 5, // structure, active decode targets, custom DTIs, custom fdiffs, custom chains
    FLAG_STRUCTURE = 0x10,
    FLAG_ACTIVE = 0x08,
    FLAG_DTIS = 0x04,
    FLAG_FDIFFS = 0x02,
    FLAG_CHAINS = 0x01,
    SAME_LAYER = 0, // next_layer_idc, table A.2
    NEXT_TEMPORAL = 1,
    NEXT_SPATIAL = 2,
    NO_MORE_LAYERS = 3,
};

// ---- template_dependency_structure() ----

static bool read_template_layers(bit_reader *r, dd_structure *s) {
    uint8_t spatial = 0, temporal = 0;
    s->template_count = 0;
    uint32_t next;
    do {
        if (s->template_count == DD_TEMPLATE_IDS || spatial == DD_MAX_SPATIAL_LAYERS ||
            temporal == DD_MAX_TEMPORAL_LAYERS)
            return false;
        dd_template *template = &s->templates[s->template_count++];
        template->spatial_id = spatial;
        template->temporal_id = temporal;
        next = bits_read(r, 2); // 0, which goes on, where nothing is left: the bound above ends that
        if (next == NEXT_TEMPORAL) temporal++;
        if (next == NEXT_SPATIAL) {
            spatial++;
            temporal = 0;
        }
    } while (next != NO_MORE_LAYERS);
    s->spatial_layer_count = spatial + 1;
    return true;
}

static uint64_t read_dtis(bit_reader *r, unsigned decode_target_count) {
    uint64_t dtis = 0;
    for (unsigned target = 0; target < decode_target_count; target++)
        dtis |= (uint64_t)bits_read(r, 2) << 2 * target;
    return dtis;
}

static bool read_template_fdiffs(bit_reader *r, dd_template *template) {
    template->fdiff_count = 0;
    while (bits_flag(r)) {
        if (template->fdiff_count == DD_MAX_FDIFFS) return false;
        template->fdiffs[template->fdiff_count++] = (uint8_t)(bits_read(r, 4) + 1);
    }
    return true;
}

static void read_template_chains(bit_reader *r, dd_structure *s) {
    s->chain_count = (uint8_t)bits_read_ns(r, s->decode_target_count + 1U);
    for (unsigned i = 0; i < s->decode_target_count; i++)
        s->targets[i].protected_by = s->chain_count ? (uint8_t)bits_read_ns(r, s->chain_count) : 0;
    for (unsigned i = 0; i < s->template_count; i++)
        for (unsigned chain = 0; chain < s->chain_count; chain++)
            s->templates[i].chain_fdiffs[chain] = (uint8_t)bits_read(r, 4);
}

static void derive_target_layers(dd_structure *s) {
    for (unsigned target = 0; target < s->decode_target_count; target++) {
        uint8_t spatial = 0, temporal = 0;
        for (unsigned i = 0; i < s->template_count; i++) {
            const dd_template *template = &s->templates[i];
            if (dd_indication_of(template->dtis, target) == DD_NOT_PRESENT) continue;
            if (template->spatial_id > spatial) spatial = template->spatial_id;
            if (template->temporal_id > temporal) temporal = template->temporal_id;
        }
        s->targets[target].spatial_id = spatial;
        s->targets[target].temporal_id = temporal;
    }
}

// What counts do not reach is zero, for dd_structure_equal.
static bool read_structure(bit_reader *r, dd_structure *s) {
    memset(s, 0, sizeof *s);
    s->template_id_offset = (uint8_t)bits_read(r, TEMPLATE_ID_BITS);
    s->decode_target_count = (uint8_t)(bits_read(r, 5) + 1);
    if (!read_template_layers(r, s)) return false;
    for (unsigned i = 0; i < s->template_count; i++)
        s->templates[i].dtis = read_dtis(r, s->decode_target_count);
    for (unsigned i = 0; i < s->template_count; i++)
        if (!read_template_fdiffs(r, &s->templates[i])) return false;
    read_template_chains(r, s);
    derive_target_layers(s);
    s->has_resolutions = bits_flag(r);
    for (unsigned i = 0; s->has_resolutions && i < s->spatial_layer_count; i++) {
        s->resolutions[i].width = bits_read(r, 16) + 1;
        s->resolutions[i].height = bits_read(r, 16) + 1;
    }
    return bits_ok(r);
}

static bool template_equal(const dd_template *a, const dd_template *b) {
    return a->dtis == b->dtis && a->fdiff_count == b->fdiff_count && a->spatial_id == b->spatial_id &&
           a->temporal_id == b->temporal_id && memcmp(a->fdiffs, b->fdiffs, sizeof a->fdiffs) == 0 &&
           memcmp(a->chain_fdiffs, b->chain_fdiffs, sizeof a->chain_fdiffs) == 0;
}

bool dd_structure_equal(const dd_structure *a, const dd_structure *b) {
    if (a->template_id_offset != b->template_id_offset || a->template_count != b->template_count ||
        a->decode_target_count != b->decode_target_count || a->chain_count != b->chain_count ||
        a->has_resolutions != b->has_resolutions || memcmp(a->targets, b->targets, sizeof a->targets) != 0 ||
        memcmp(a->resolutions, b->resolutions, sizeof a->resolutions) != 0)
        return false;
    for (unsigned i = 0; i < a->template_count; i++)
        if (!template_equal(&a->templates[i], &b->templates[i])) return false;
    return true;
}

// ---- frame_dependency_definition() ----

static bool read_fdiffs(bit_reader *r, dd_descriptor *found) {
    found->fdiff_count = 0;
    for (unsigned nibbles; (nibbles = bits_read(r, 2)) != 0;) {
        if (found->fdiff_count == DD_MAX_FDIFFS) return false;
        found->fdiffs[found->fdiff_count++] = (uint16_t)(bits_read(r, 4 * nibbles) + 1);
    }
    return true;
}

static void take_fdiffs(const dd_template *template, dd_descriptor *found) {
    found->fdiff_count = template->fdiff_count;
    for (unsigned i = 0; i < template->fdiff_count; i++)
        found->fdiffs[i] = template->fdiffs[i];
}

static bool read_frame(bit_reader *r, uint32_t flags, const dd_structure *s, const dd_template *template,
                       dd_descriptor *found) {
    found->spatial_id = template->spatial_id;
    found->temporal_id = template->temporal_id;
    found->dtis = flags & FLAG_DTIS ? read_dtis(r, s->decode_target_count) : template->dtis;
    if (!(flags & FLAG_FDIFFS))
        take_fdiffs(template, found);
    else if (!read_fdiffs(r, found))
        return false;
    memcpy(found->chain_fdiffs, template->chain_fdiffs, sizeof found->chain_fdiffs);
    for (unsigned chain = 0; flags & FLAG_CHAINS && chain < s->chain_count; chain++)
        found->chain_fdiffs[chain] = (uint8_t)bits_read(r, 8);
    return bits_ok(r);
}

int dd_parse(dd_descriptor *found, dd_structure *attached, const dd_structure *known, const uint8_t *bytes,
             size_t length) {
    memset(found, 0, sizeof *found);
    if (length > DD_MAX_BYTES) return -EBADMSG;
    bit_reader r = bits_over(bytes, length);
    found->start_of_frame = bits_flag(&r);
    found->end_of_frame = bits_flag(&r);
    found->template_id = (uint8_t)bits_read(&r, TEMPLATE_ID_BITS);
    found->frame_number = (seq16)bits_read(&r, FRAME_NUMBER_BITS);
    if (!bits_ok(&r)) return -EBADMSG;
    uint32_t flags = length > MANDATORY_BYTES ? bits_read(&r, FLAG_BITS) : 0;

    const dd_structure *s = known;
    if (flags & FLAG_STRUCTURE) {
        if (!found->start_of_frame || !read_structure(&r, attached)) return -EBADMSG;
        s = attached;
    }
    unsigned index = s ? (found->template_id - s->template_id_offset) & (DD_TEMPLATE_IDS - 1) : DD_TEMPLATE_IDS;
    if (!s || index >= s->template_count) return flags & FLAG_STRUCTURE ? -EBADMSG : -ENOENT;

    found->has_structure = flags & FLAG_STRUCTURE;
    found->has_active_decode_targets = flags & FLAG_ACTIVE;
    found->decode_target_count = s->decode_target_count;
    found->chain_count = s->chain_count;
    found->active_at = (uint16_t)bits_position(&r);
    if (found->has_structure) found->active_decode_targets = dd_all_decode_targets(s->decode_target_count);
    if (found->has_active_decode_targets) found->active_decode_targets = bits_read(&r, s->decode_target_count);
    if (!read_frame(&r, flags, s, &s->templates[index], found)) return -EBADMSG;
    found->bits = (uint16_t)bits_position(&r);
    return 0;
}

// ---- writing ----

// A descriptor that is nothing but mandatory fields has no flags, and gets them with the first field that needs one.
static bool is_extended(const dd_descriptor *found) {
    return found->bits > MANDATORY_BITS;
}

size_t dd_changed_length(const dd_descriptor *found, const dd_change *change) {
    size_t bits = found->bits;
    if (change->set_active && !is_extended(found)) bits += FLAG_BITS;
    if (change->set_active && !found->has_active_decode_targets) bits += found->decode_target_count;
    return (bits + 7) / 8;
}

int dd_write_changed(writer *w, const dd_descriptor *found, const uint8_t *bytes, const dd_change *change) {
    size_t length = dd_changed_length(found, change);
    uint8_t *room = length <= DD_MAX_BYTES ? writer_reserve(w, length) : NULL;
    if (!room) return -ENOSPC;
    writer output = writer_over(room, length);
    bit_writer to = bits_into(&output);
    bit_reader from = bits_over(bytes, (found->bits + 7U) / 8U);
    bits_copy(&to, &from, 2);
    bits_write(&to, TEMPLATE_ID_BITS, bits_read(&from, TEMPLATE_ID_BITS) + change->template_id);
    bits_write(&to, FRAME_NUMBER_BITS, bits_read(&from, FRAME_NUMBER_BITS) + change->frame_number);
    if (is_extended(found))
        bits_write(&to, FLAG_BITS, bits_read(&from, FLAG_BITS) | (change->set_active ? FLAG_ACTIVE : 0));
    else if (change->set_active)
        bits_write(&to, FLAG_BITS, FLAG_ACTIVE);
    if (found->has_structure)
        bits_write(&to, TEMPLATE_ID_BITS, bits_read(&from, TEMPLATE_ID_BITS) + change->template_id);
    bits_copy(&to, &from, found->active_at - bits_position(&from));
    if (change->set_active) {
        bits_write(&to, found->decode_target_count, change->active_decode_targets);
        if (found->has_active_decode_targets) (void)bits_read(&from, found->decode_target_count);
    }
    bits_copy(&to, &from, found->bits - bits_position(&from));
    bits_finish(&to);
    return 0;
}
