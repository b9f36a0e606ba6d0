"""What describes a frame beside its payload, as pytest sees it: the stub says what each takes and gives."""

import os

include "testing/exact.pxi"


cdef extern from "core/cursor.h":
    ctypedef struct writer:
        pass
    writer writer_over(uint8_t *bytes, size_t capacity)
    size_t writer_length(const writer *w)
    bint writer_ok(const writer *w)


cdef extern from "core/bits.h":
    ctypedef struct bit_reader:
        pass
    bit_reader bits_over(const uint8_t *bytes, size_t length)
    bint bits_ok(const bit_reader *r)
    size_t bits_position(const bit_reader *r)
    uint32_t c_bits_read "bits_read"(bit_reader *r, unsigned width)
    uint32_t bits_read_ns(bit_reader *r, uint32_t values)
    ctypedef struct bit_writer:
        pass
    bit_writer bits_into(writer *bytes)
    void c_bits_write "bits_write"(bit_writer *w, unsigned width, uint32_t value)
    void bits_copy(bit_writer *w, bit_reader *r, size_t width)
    void bits_finish(bit_writer *w)


cdef class Bits:
    cdef Exact exact
    cdef bit_reader r

    def __cinit__(self, bytes data):
        self.exact = Exact(data)
        self.r = bits_over(self.exact.data, self.exact.length)

    def ok(self):
        return bits_ok(&self.r)

    @property
    def position(self):
        return bits_position(&self.r)

    def read(self, unsigned width):
        return c_bits_read(&self.r, width)

    def read_ns(self, uint32_t values):
        return bits_read_ns(&self.r, values)

    def copy(self, size_t width, size_t capacity, unsigned before=0):
        """What bits_copy writes of the next `width`, behind `before` ones."""
        cdef Exact output = Exact(capacity)
        cdef writer w = writer_over(output.data, capacity)
        cdef bit_writer to = bits_into(&w)
        c_bits_write(&to, before, 0xFFFFFFFF)
        bits_copy(&to, &self.r, width)
        bits_finish(&to)
        return output.head(writer_length(&w)) if writer_ok(&w) else None


def bits_written(list fields, size_t capacity):
    cdef Exact output = Exact(capacity)
    cdef writer w = writer_over(output.data, capacity)
    cdef bit_writer to = bits_into(&w)
    for width, value in fields:
        c_bits_write(&to, width, value)
    bits_finish(&to)
    return output.head(writer_length(&w)) if writer_ok(&w) else None


cdef extern from "core/dd.h":
    enum:
        DD_MAX_FDIFFS
        DD_MAX_BYTES
    ctypedef struct dd_template:
        uint64_t dtis
        uint8_t chain_fdiffs[32]
        uint8_t fdiffs[16]
        uint8_t fdiff_count
        uint8_t spatial_id
        uint8_t temporal_id
    ctypedef struct dd_target:
        uint8_t protected_by
        uint8_t spatial_id
        uint8_t temporal_id
    ctypedef struct dd_resolution:
        uint32_t width
        uint32_t height
    ctypedef struct dd_structure:
        uint8_t template_id_offset
        uint8_t template_count
        uint8_t decode_target_count
        uint8_t chain_count
        uint8_t spatial_layer_count
        bint has_resolutions
        dd_target targets[32]
        dd_resolution resolutions[4]
        dd_template templates[64]
    ctypedef struct dd_descriptor:
        bint start_of_frame
        bint end_of_frame
        uint8_t template_id
        uint16_t frame_number
        bint has_structure
        bint has_active_decode_targets
        uint32_t active_decode_targets
        uint8_t decode_target_count
        uint8_t chain_count
        uint8_t spatial_id
        uint8_t temporal_id
        uint8_t fdiff_count
        uint16_t fdiffs[16]
        uint8_t chain_fdiffs[32]
        uint64_t dtis
        uint16_t active_at
        uint16_t bits
    ctypedef struct dd_change:
        uint16_t frame_number
        uint8_t template_id
        bint set_active
        uint32_t active_decode_targets
    int c_dd_indication_of "dd_indication_of"(uint64_t dtis, unsigned decode_target)
    int c_dd_parse "dd_parse"(dd_descriptor *found, dd_structure *attached, const dd_structure *known,
                              const uint8_t *bytes, size_t length)
    bint dd_structure_equal(const dd_structure *a, const dd_structure *b)
    size_t c_dd_changed_length "dd_changed_length"(const dd_descriptor *found, const dd_change *change)
    int c_dd_write_changed "dd_write_changed"(writer *w, const dd_descriptor *found, const uint8_t *bytes,
                                              const dd_change *change)

MAX_FDIFFS = <int>DD_MAX_FDIFFS
MAX_BYTES = <int>DD_MAX_BYTES


cdef list indications(uint64_t dtis, unsigned count):
    return [c_dd_indication_of(dtis, target) for target in range(count)]


cdef class Structure:
    cdef dd_structure s

    def equals(self, Structure other):
        return dd_structure_equal(&self.s, &other.s)

    @property
    def template_id_offset(self):
        return self.s.template_id_offset

    @property
    def spatial_layer_count(self):
        return self.s.spatial_layer_count

    @property
    def protected_by(self):
        return [self.s.targets[i].protected_by for i in range(self.s.decode_target_count)] if self.s.chain_count else []

    @property
    def chain_count(self):
        return self.s.chain_count

    @property
    def target_layers(self):
        return [(self.s.targets[i].spatial_id, self.s.targets[i].temporal_id)
                for i in range(self.s.decode_target_count)]

    @property
    def resolutions(self):
        if not self.s.has_resolutions:
            return None
        return [(self.s.resolutions[i].width, self.s.resolutions[i].height)
                for i in range(self.s.spatial_layer_count)]

    @property
    def templates(self):
        found = []
        for i in range(self.s.template_count):
            found.append((
                self.s.templates[i].spatial_id,
                self.s.templates[i].temporal_id,
                indications(self.s.templates[i].dtis, self.s.decode_target_count),
                [self.s.templates[i].fdiffs[k] for k in range(self.s.templates[i].fdiff_count)],
                [self.s.templates[i].chain_fdiffs[k] for k in range(self.s.chain_count)],
            ))
        return found


cdef class Descriptor:
    cdef Exact exact
    cdef dd_descriptor d
    cdef readonly int status
    cdef readonly object structure

    def __cinit__(self, bytes data, Structure known=None):
        cdef Structure attached = Structure()
        self.exact = Exact(data)
        memset(&self.d, 0xA5, sizeof(self.d))
        self.status = -c_dd_parse(&self.d, &attached.s, &known.s if known is not None else NULL, self.exact.data,
                                  self.exact.length)
        self.structure = attached if self.status == 0 and self.d.has_structure else None

    @property
    def start_of_frame(self):
        return self.d.start_of_frame

    @property
    def end_of_frame(self):
        return self.d.end_of_frame

    @property
    def template_id(self):
        return self.d.template_id

    @property
    def frame_number(self):
        return self.d.frame_number

    @property
    def active_decode_targets(self):
        if not self.d.has_structure and not self.d.has_active_decode_targets:
            return None
        return self.d.active_decode_targets

    @property
    def layer(self):
        return self.d.spatial_id, self.d.temporal_id

    @property
    def dtis(self):
        return indications(self.d.dtis, self.d.decode_target_count)

    @property
    def fdiffs(self):
        return [self.d.fdiffs[i] for i in range(self.d.fdiff_count)]

    @property
    def chain_fdiffs(self):
        return [self.d.chain_fdiffs[i] for i in range(self.d.chain_count)]

    @property
    def bits(self):
        return self.d.bits

    cdef dd_change change(self, frame_number, template_id, active):
        cdef dd_change how
        how.frame_number = frame_number
        how.template_id = template_id
        how.set_active = active is not None
        how.active_decode_targets = active or 0
        return how

    def changed_length(self, frame_number, template_id, active=None):
        cdef dd_change how = self.change(frame_number, template_id, active)
        return c_dd_changed_length(&self.d, &how)

    def changed(self, frame_number, template_id, active=None, capacity=256):
        cdef dd_change how = self.change(frame_number, template_id, active)
        cdef Exact output = Exact(<int>capacity)
        cdef writer w = writer_over(output.data, output.length)
        status = c_dd_write_changed(&w, &self.d, self.exact.data, &how)
        if status < 0 and writer_length(&w):
            raise AssertionError("something was written of what does not fit")
        checked(status)
        return output.head(writer_length(&w))


cdef extern from "core/picture_id.h":
    ctypedef struct picture_id:
        bint present
        bint wide
        uint16_t value


cdef extern from "core/vp8.h":
    enum:
        VP8_MAX_DESCRIPTOR_BYTES
    ctypedef struct vp8_descriptor:
        uint8_t length
        bint frame_start
        bint key_frame
        bint not_referred
        bint partition_start
        uint8_t partition
        picture_id picture
        bint has_tl0_pic_idx
        bint has_temporal_id
        bint has_key_idx
        uint8_t tl0_pic_idx
        uint8_t temporal_id
        bint layer_sync
        uint8_t key_idx
    int c_vp8_parse "vp8_parse"(vp8_descriptor *found, const uint8_t *payload, size_t length)
    void c_vp8_write "vp8_write"(writer *w, const vp8_descriptor *descriptor)


cdef extern from "core/vp9.h":
    enum:
        VP9_MAX_HEAD_BYTES
    ctypedef struct vp9_resolution:
        uint16_t width
        uint16_t height
    ctypedef struct vp9_structure:
        uint8_t spatial_layer_count
        bint has_resolutions
        vp9_resolution resolutions[8]
        uint8_t picture_count
    ctypedef struct vp9_descriptor:
        uint16_t length
        uint8_t head_length
        bint predicted
        bint flexible
        bint frame_start
        bint frame_end
        bint not_referred_above
        bint has_layers
        bint has_tl0_pic_idx
        bint has_structure
        picture_id picture
        uint8_t temporal_id
        bint switching_up
        uint8_t spatial_id
        bint inter_layer_predicted
        uint8_t tl0_pic_idx
        uint8_t reference_count
        uint8_t references[3]
        vp9_structure structure
    int c_vp9_parse "vp9_parse"(vp9_descriptor *found, const uint8_t *payload, size_t length)
    bint vp9_picture_start(const vp9_descriptor *descriptor)
    bint vp9_key_picture_start(const vp9_descriptor *descriptor)
    void c_vp9_write_head "vp9_write_head"(writer *w, const vp9_descriptor *descriptor)


cdef dict picture_as_dict(picture_id picture):
    return {"picture_id": picture.value if picture.present else None, "wide": picture.wide if picture.present else None}


def vp8_parse(bytes payload):
    cdef vp8_descriptor d
    exact = Exact(payload)
    memset(&d, 0xA5, sizeof(d))
    checked(c_vp8_parse(&d, exact.data, exact.length))
    return picture_as_dict(d.picture) | {
        "length": d.length,
        "frame_start": d.frame_start,
        "key_frame": d.key_frame,
        "not_referred": d.not_referred,
        "partition_start": d.partition_start,
        "partition": d.partition,
        "tl0_pic_idx": d.tl0_pic_idx if d.has_tl0_pic_idx else None,
        "temporal_id": d.temporal_id if d.has_temporal_id else None,
        "layer_sync": d.layer_sync if d.has_temporal_id else None,
        "key_idx": d.key_idx if d.has_key_idx else None,
    }


def vp8_rewrite(bytes payload, picture_id=None, tl0_pic_idx=None, key_idx=None, capacity=VP8_MAX_DESCRIPTOR_BYTES):
    cdef vp8_descriptor d
    exact = Exact(payload)
    checked(c_vp8_parse(&d, exact.data, exact.length))
    if picture_id is not None:
        d.picture.value = picture_id
    if tl0_pic_idx is not None:
        d.tl0_pic_idx = tl0_pic_idx
    if key_idx is not None:
        d.key_idx = key_idx
    cdef Exact output = Exact(<int>capacity)
    cdef writer w = writer_over(output.data, output.length)
    c_vp8_write(&w, &d)
    return output.head(writer_length(&w)) if writer_ok(&w) else None


def vp9_parse(bytes payload):
    cdef vp9_descriptor d
    exact = Exact(payload)
    memset(&d, 0xA5, sizeof(d))
    checked(c_vp9_parse(&d, exact.data, exact.length))
    structure = None
    if d.has_structure:
        structure = {
            "spatial_layer_count": d.structure.spatial_layer_count,
            "resolutions": [(d.structure.resolutions[i].width, d.structure.resolutions[i].height)
                            for i in range(d.structure.spatial_layer_count)] if d.structure.has_resolutions else None,
            "picture_count": d.structure.picture_count,
        }
    return picture_as_dict(d.picture) | {
        "length": d.length,
        "head_length": d.head_length,
        "predicted": d.predicted,
        "flexible": d.flexible,
        "frame_start": d.frame_start,
        "frame_end": d.frame_end,
        "not_referred_above": d.not_referred_above,
        "temporal_id": d.temporal_id if d.has_layers else None,
        "switching_up": d.switching_up if d.has_layers else None,
        "spatial_id": d.spatial_id if d.has_layers else None,
        "inter_layer_predicted": d.inter_layer_predicted if d.has_layers else None,
        "tl0_pic_idx": d.tl0_pic_idx if d.has_tl0_pic_idx else None,
        "references": [d.references[i] for i in range(d.reference_count)],
        "structure": structure,
        "picture_start": vp9_picture_start(&d),
        "key_picture_start": vp9_key_picture_start(&d),
    }


def vp9_rewrite(bytes payload, picture_id=None, tl0_pic_idx=None, capacity=VP9_MAX_HEAD_BYTES):
    cdef vp9_descriptor d
    exact = Exact(payload)
    checked(c_vp9_parse(&d, exact.data, exact.length))
    if picture_id is not None:
        d.picture.value = picture_id
    if tl0_pic_idx is not None:
        d.tl0_pic_idx = tl0_pic_idx
    cdef Exact output = Exact(<int>capacity)
    cdef writer w = writer_over(output.data, output.length)
    c_vp9_write_head(&w, &d)
    return output.head(writer_length(&w)) if writer_ok(&w) else None
