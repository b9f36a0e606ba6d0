// CRC-32 (ISO 3309, ITU-T V.42; the one of zlib and Ethernet), as STUN's FINGERPRINT uses it (RFC 8489 section 14.7).
#ifndef SFU_CORE_CRC32_H
#define SFU_CORE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const uint8_t *bytes, size_t length);

#endif
