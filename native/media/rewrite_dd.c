#include "media/rewrite_dd.h"

// After a structure all decode targets count as active until something else is said (section A.4). Where that holds
// there is nothing to say; else each packet says it, so that no loss can hide it and a packet sent again is the same.
static void set_targets(rewrite_dd *self, dd_run *run, const dd_structure *structure, uint32_t targets) {
    uint32_t all = dd_all_decode_targets(structure->decode_target_count);
    run->targets = targets & all;
    if (run->targets != all) self->narrowed = true;
    run->set_active = self->narrowed;
}

static void give_ids(rewrite_dd *self, dd_run *run, const dd_frame *frame, const dd_structure *structure) {
    run->ids_first = self->ids_given;
    run->template_shift = (uint8_t)(self->ids_given - structure->template_id_offset) & (DD_TEMPLATE_IDS - 1);
    run->generation = frame->generation;
    self->ids_given += structure->template_count;
}

dd_run rewrite_dd_enter(rewrite_dd *self, const dd_frame *frame, const dd_structure *structure, uint32_t targets) {
    dd_run run = {.frame_shift = (uint16_t)(seq64_wire(self->next_frame) - seq64_wire(frame->number))};
    give_ids(self, &run, frame, structure);
    self->narrowed = false;
    set_targets(self, &run, structure, targets);
    return run;
}

dd_run rewrite_dd_restructure(rewrite_dd *self, const dd_run *run, const dd_frame *frame, const dd_structure *structure,
                              uint32_t targets) {
    dd_run anew = *run;
    if (frame->generation != run->generation) give_ids(self, &anew, frame, structure);
    self->narrowed = false;
    set_targets(self, &anew, structure, targets);
    return anew;
}

dd_run rewrite_dd_retarget(rewrite_dd *self, const dd_run *run, const dd_structure *structure, uint32_t targets) {
    dd_run anew = *run;
    set_targets(self, &anew, structure, targets);
    return anew;
}

// Ids are given in a row, so those of a run are taken again when so many have been given since its first.
bool rewrite_dd_holds(const rewrite_dd *self, const dd_run *run) {
    return self->ids_given - run->ids_first <= DD_TEMPLATE_IDS;
}

dd_change rewrite_dd_change(const dd_run *run, const dd_frame *frame) {
    return (dd_change){
        .frame_number = run->frame_shift,
        .template_id = run->template_shift,
        .set_active = run->set_active,
        .active_decode_targets = run->targets & frame->active,
    };
}

void rewrite_dd_note(rewrite_dd *self, const dd_run *run, const dd_frame *frame) {
    seq16 wire = (seq16)(seq64_wire(frame->number) + run->frame_shift);
    seq64 out = seq64_extend(self->next_frame, wire);
    if (out >= self->next_frame) self->next_frame = out + 1;
}
