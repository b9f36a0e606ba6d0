# Bytes in a heap block of exactly their length, so that AddressSanitizer sees a read or write one past the end (a bytes
# object has a NUL behind it, which would hide that).
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset


cdef class Exact:
    cdef uint8_t *data
    cdef size_t length

    def __cinit__(self, content):
        cdef const uint8_t *source
        if isinstance(content, int):
            self.length = content
        else:
            self.length = len(content)
        if self.length > 1 << 24:
            raise ValueError("longer than any test has use for")
        self.data = <uint8_t *>malloc(self.length)
        if self.data == NULL and self.length:
            raise MemoryError
        if isinstance(content, int):
            memset(self.data, 0xA5, self.length)
        elif self.length:
            source = content
            memcpy(self.data, source, self.length)

    def __dealloc__(self):
        free(self.data)

    cdef bytes head(self, size_t length):
        return self.data[:length] if length else b""


cdef int checked(int status) except -1:
    if status < 0:
        raise OSError(-status, os.strerror(-status))
    return status
