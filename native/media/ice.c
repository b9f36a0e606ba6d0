#include "media/ice.h"

#include <errno.h>

static bool is_ice_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static int check(const char *text, size_t least, size_t most) {
    size_t length = 0;
    while (length <= most && text[length]) {
        if (!is_ice_char(text[length])) return -EINVAL;
        length++;
    }
    return length >= least && length <= most ? 0 : -EINVAL;
}

int ice_ufrag_check(const char *ufrag) {
    return check(ufrag, 4, ICE_MAX_UFRAG);
}

int ice_credentials_check(const ice_credentials *credentials) {
    int error = ice_ufrag_check(credentials->ufrag);
    return error ? error : check(credentials->password, 22, ICE_MAX_PASSWORD);
}
