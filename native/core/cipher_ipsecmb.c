#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include "core/cipher.h"

// The functions that the library picks for this CPU.
typedef struct gcm_functions {
    aes_gcm_pre_t expand;
    aes_gcm_enc_dec_t encrypt;
    aes_gcm_enc_dec_t decrypt;
} gcm_functions;

// Process-wide, written once and constant from then on, so it is not state that two engines could disturb each other
// through: it depends on the CPU alone. A manager of one's own in each sender and receiver would cost some 200 kB (its
// job queues, which the direct functions do not use). `expand` is NULL when the library could not be initialised.
static gcm_functions functions_128;
static gcm_functions functions_256;
static pthread_once_t functions_once = PTHREAD_ONCE_INIT;

static void choose_functions(void) {
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (!manager) return;
    init_mb_mgr_auto(manager, NULL);
    if (imb_get_errno(manager) == 0) {
        functions_128 = (gcm_functions){manager->gcm128_pre, manager->gcm128_enc, manager->gcm128_dec};
        functions_256 = (gcm_functions){manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec};
    }
    free_mb_mgr(manager);
}

struct cipher_gcm {
    struct gcm_key_data key; // round keys and powers of the hash key; 64-byte aligned
    const gcm_functions *functions;
};

const char *cipher_backend(void) {
    return "intel-ipsec-mb " IMB_VERSION_STR;
}

cipher_gcm *cipher_gcm_create(const uint8_t *key, size_t key_length) {
    if (key_length != 16 && key_length != 32) return NULL;
    pthread_once(&functions_once, choose_functions);
    const gcm_functions *functions = key_length == 16 ? &functions_128 : &functions_256;
    if (!functions->expand) return NULL;
    cipher_gcm *gcm = aligned_alloc(_Alignof(cipher_gcm), sizeof *gcm);
    if (!gcm) return NULL;
    memset(gcm, 0, sizeof *gcm);
    functions->expand(key, &gcm->key);
    gcm->functions = functions;
    return gcm;
}

void cipher_gcm_destroy(cipher_gcm *gcm) {
    if (!gcm) return;
    OPENSSL_cleanse(gcm, sizeof *gcm);
    free(gcm);
}

int cipher_gcm_seal(cipher_gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length,
                    const cipher_text *text, uint8_t *output) {
    struct gcm_context_data context;
    size_t length = cipher_text_length(text);
    gcm->functions->encrypt(&gcm->key, &context, output, cipher_text_gather(text, output), length, nonce, aad,
                            aad_length, output + length, CIPHER_GCM_TAG_BYTES);
    return 0;
}

int cipher_gcm_open(cipher_gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, const uint8_t *input,
                    size_t length, uint8_t *output) {
    if (length < CIPHER_GCM_TAG_BYTES) return -EBADMSG;
    struct gcm_context_data context;
    uint8_t tag[CIPHER_GCM_TAG_BYTES];
    size_t text_length = length - CIPHER_GCM_TAG_BYTES;
    gcm->functions->decrypt(&gcm->key, &context, output, input, text_length, nonce, aad, aad_length, tag, sizeof tag);
    // The library writes ciphertext-length bytes only, so the tag at the end of `input` stands even in place.
    if (!CRYPTO_memcmp(tag, input + text_length, sizeof tag)) return 0;
    if (text_length) OPENSSL_cleanse(output, text_length);
    return -EBADMSG;
}
