"""What media makes of Dependency Descriptors, as pytest sees it: the stub says what each takes and gives."""

import os

include "testing/exact.pxi"


cdef extern from "core/cursor.h":
    ctypedef struct writer:
        pass
    writer writer_over(uint8_t *bytes, size_t capacity)
    size_t writer_length(const writer *w)


cdef extern from "core/dd.h":
    enum:
        DD_MAX_BYTES
    ctypedef struct dd_structure:
        uint8_t template_id_offset
        uint8_t template_count
    ctypedef struct dd_descriptor:
        bint start_of_frame
        bint end_of_frame
        bint has_structure
        uint8_t spatial_id
        uint8_t temporal_id
    ctypedef struct dd_change:
        pass
    int dd_write_changed(writer *w, const dd_descriptor *found, const uint8_t *bytes, const dd_change *change)


cdef extern from "media/dd_stream.h":
    ctypedef struct dd_stream:
        uint32_t generation
    ctypedef struct dd_frame:
        dd_descriptor descriptor
        int64_t number
        uint32_t generation
        uint32_t active
    int dd_stream_on_packet(dd_stream *self, dd_frame *frame, const uint8_t *bytes, size_t length)
    const dd_structure *dd_stream_structure(const dd_stream *self, uint32_t generation)


cdef extern from "media/rewrite_dd.h":
    ctypedef struct rewrite_dd:
        uint64_t ids_given
        int64_t next_frame
    ctypedef struct dd_run:
        uint32_t targets
        uint32_t generation
    dd_run rewrite_dd_enter(rewrite_dd *self, const dd_frame *frame, const dd_structure *structure, uint32_t targets)
    dd_run rewrite_dd_restructure(rewrite_dd *self, const dd_run *run, const dd_frame *frame,
                                  const dd_structure *structure, uint32_t targets)
    dd_run rewrite_dd_retarget(rewrite_dd *self, const dd_run *run, const dd_structure *structure, uint32_t targets)
    bint rewrite_dd_holds(const rewrite_dd *self, const dd_run *run)
    dd_change rewrite_dd_change(const dd_run *run, const dd_frame *frame)
    void rewrite_dd_note(rewrite_dd *self, const dd_run *run, const dd_frame *frame)


cdef extern from "media/dd_filter.h":
    enum:
        DD_FILTER_FRAMES
    ctypedef struct dd_filter:
        uint32_t targets
    ctypedef struct dd_verdict:
        bint forward
        bint last
        bint changed
        bint wants_key_frame
    void dd_filter_start(dd_filter *self, uint8_t wanted_spatial, uint8_t wanted_temporal)
    void dd_filter_want(dd_filter *self, uint8_t spatial, uint8_t temporal)
    dd_verdict dd_filter_on_packet(dd_filter *self, const dd_frame *frame, const dd_structure *structure,
                                   uint32_t timestamp)

FILTER_FRAMES = <int>DD_FILTER_FRAMES


cdef class Frame:
    cdef dd_frame f
    cdef Exact exact

    @property
    def number(self):
        return self.f.number

    @property
    def generation(self):
        return self.f.generation

    @property
    def active(self):
        return self.f.active

    @property
    def layer(self):
        return self.f.descriptor.spatial_id, self.f.descriptor.temporal_id

    @property
    def has_structure(self):
        return self.f.descriptor.has_structure


cdef class DdStream:
    cdef dd_stream s

    def on_packet(self, bytes data):
        cdef Frame frame = Frame()
        frame.exact = Exact(data)
        memset(&frame.f, 0xA5, sizeof(frame.f))
        checked(dd_stream_on_packet(&self.s, &frame.f, frame.exact.data, frame.exact.length))
        return frame

    @property
    def generation(self):
        return self.s.generation

    def template_ids(self, uint32_t generation):
        """(offset, count) of a structure, None where it is not kept."""
        cdef const dd_structure *found = dd_stream_structure(&self.s, generation)
        return None if found == NULL else (found.template_id_offset, found.template_count)

    cdef const dd_structure *structure(self, uint32_t generation) except NULL:
        cdef const dd_structure *found = dd_stream_structure(&self.s, generation)
        if found == NULL:
            raise LookupError("a structure that is kept no longer")
        return found


cdef class DdRun:
    cdef dd_run run

    @property
    def targets(self):
        return self.run.targets


cdef class RewriteDd:
    cdef rewrite_dd r

    @property
    def next_frame(self):
        return self.r.next_frame

    def enter(self, DdStream stream, Frame frame, uint32_t targets):
        cdef DdRun run = DdRun()
        run.run = rewrite_dd_enter(&self.r, &frame.f, stream.structure(frame.f.generation), targets)
        return run

    def restructure(self, DdRun before, DdStream stream, Frame frame, uint32_t targets):
        cdef DdRun run = DdRun()
        run.run = rewrite_dd_restructure(&self.r, &before.run, &frame.f, stream.structure(frame.f.generation), targets)
        return run

    def retarget(self, DdRun before, DdStream stream, uint32_t targets):
        cdef DdRun run = DdRun()
        run.run = rewrite_dd_retarget(&self.r, &before.run, stream.structure(before.run.generation), targets)
        return run

    def holds(self, DdRun run):
        return rewrite_dd_holds(&self.r, &run.run)

    def note(self, DdRun run, Frame frame):
        rewrite_dd_note(&self.r, &run.run, &frame.f)

    def changed(self, DdRun run, Frame frame):
        """What the frame's packet becomes."""
        cdef dd_change change = rewrite_dd_change(&run.run, &frame.f)
        cdef Exact output = Exact(<int>DD_MAX_BYTES)
        cdef writer w = writer_over(output.data, output.length)
        checked(dd_write_changed(&w, &frame.f.descriptor, frame.exact.data, &change))
        return output.head(writer_length(&w))


cdef class DdFilter:
    cdef dd_filter f

    def __cinit__(self, uint8_t spatial, uint8_t temporal):
        memset(&self.f, 0xA5, sizeof(self.f))
        dd_filter_start(&self.f, spatial, temporal)

    def want(self, uint8_t spatial, uint8_t temporal):
        dd_filter_want(&self.f, spatial, temporal)

    @property
    def targets(self):
        return self.f.targets

    def on_packet(self, DdStream stream, Frame frame, uint32_t timestamp):
        return dd_filter_on_packet(&self.f, &frame.f, stream.structure(frame.f.generation), timestamp)
